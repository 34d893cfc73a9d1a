namespace PatchDpo.Torch.PatchEncoders;

/// <summary>Training images that views are drawn of.</summary>
internal interface IViewPool
{
    /// <summary>How many images there are.</summary>
    long Count { get; }

    /// <summary>Draws views of some images, in the current dispose scope.</summary>
    ViewPair Draw(IReadOnlyList<long> indexes, Random random);
}
