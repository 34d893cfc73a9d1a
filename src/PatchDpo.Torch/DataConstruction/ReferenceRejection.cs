namespace PatchDpo.Torch.DataConstruction;

/// <summary>Why an image did not become a reference.</summary>
public enum ReferenceRejection
{
    /// <summary>Too little of the picture's border has one colour: there is no plain background, or the object is cut off.</summary>
    BackgroundNotPlain,

    /// <summary>The object takes too little of the picture, or there is none.</summary>
    ObjectTooSmall,

    /// <summary>The object takes too much of the picture.</summary>
    ObjectTooLarge,

    /// <summary>The picture does not show what the prompt says: its CLIP-T is too low.</summary>
    PromptNotFollowed,

    /// <summary>The picture is too similar to an earlier reference.</summary>
    NearDuplicate,

    /// <summary>Nothing is wrong with it: candidates are drawn in batches, and the last batch had more than were needed.</summary>
    NotNeeded,
}
