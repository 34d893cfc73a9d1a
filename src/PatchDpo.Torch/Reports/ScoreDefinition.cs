using PatchDpo.Torch.Evaluation;

namespace PatchDpo.Torch.Reports;

/// <summary>What a number on the page means.</summary>
/// <param name="Anchor">Its id.</param>
/// <param name="Title">Its name.</param>
/// <param name="Text">What it is, in which range, and what is better.</param>
internal sealed record ScoreDefinition(string Anchor, string Title, string Text)
{
    public static readonly ScoreDefinition PatchQuality = new("patch-quality", "Patch quality",
        "How much of the subject is found again, patch by patch. For each patch of the generated image the largest cosine similarity of its features with "
        + "those of any patch of the reference, and for each patch of the reference the largest with any of the generated image; the score is the mean of "
        + "both maps' means, and over a subject's photos their mean. With masks only the objects' patches count. From −1 to 1; more is better. The maps are "
        + "those of PatchDPO (arXiv 2412.03177), the score of a pair is this library's.");

    public static readonly ScoreDefinition Dino = new("dino", "DINO",
        "Cosine similarity of DINO class tokens of the generated image and of the subject's photos, as DreamBooth measures subject fidelity. From −1 to 1; "
        + "more is better. It compares with published figures where the model is DINO ViT-S/16.");

    public static readonly ScoreDefinition ClipI = new("clip-i", "CLIP-I",
        "Cosine similarity of CLIP embeddings of the generated image and of the subject's photos. From −1 to 1; more is better. It compares with published "
        + "figures where the model is CLIP ViT-B/32.");

    public static readonly ScoreDefinition ClipT = new("clip-t", "CLIP-T",
        "Cosine similarity of CLIP embeddings of the generated image and of its prompt: how well the prompt is followed. From −1 to 1; more is better.");

    public static readonly ScoreDefinition SubjectSimilarity = new("subject-similarity", "Subject similarity",
        "Cosine similarity of another encoder's whole-image features of the generated image and of the subject's photos. From −1 to 1; more is better. It is "
        + "no DINO score and compares with nothing but itself.");

    public static readonly ScoreDefinition Found = new("found", "Found in the reference, found in the generation",
        "The two means that patch quality is made of: over the patches of the generated image (low: something was made up), and over the patches of the "
        + "reference (low: something was lost). A patch outside a mask counts as found.");

    public static readonly ScoreDefinition Interval = new("interval", "95 % interval",
        "Student's t over the subjects' means: the images of one subject are alike and count as one. With a single subject it is over its images, and says "
        + "nothing of other subjects. Changes are paired: their interval is over the differences of the same subjects or images.");

    public static readonly ScoreDefinition Loss = new("loss", "Loss",
        "The step's loss before its update. It depends on the drawn timestep more than on the model, so that the thick line is a mean over nearby steps; it "
        + "says little of the pictures.");

    public static readonly ScoreDefinition Gradients = new("gradients", "Length of the gradients",
        "The norm of all gradients together before they were clipped. A step that is far longer than those before (a spike) may have been left out.");

    public static readonly ScoreDefinition LearningRate = new("learning-rate", "Learning rate", "The step's learning rate: the optimizer's, after its schedule.");

    public static readonly ScoreDefinition Probe = new("probe", "Probe",
        "Pictures that a training draws again and again from the same noise, and their scores. The best step is that with the highest score of the chosen "
        + "metric, of equal ones the first.");

    /// <summary>All, in the page's order.</summary>
    public static IReadOnlyList<ScoreDefinition> All { get; } =
        [PatchQuality, Found, Dino, ClipI, ClipT, SubjectSimilarity, Interval, Loss, Gradients, LearningRate, Probe];

    /// <summary>A metric's.</summary>
    public static ScoreDefinition Of(PersonalizationMetric metric) => metric switch
    {
        PersonalizationMetric.Dino => Dino,
        PersonalizationMetric.ClipI => ClipI,
        PersonalizationMetric.ClipT => ClipT,
        PersonalizationMetric.SubjectSimilarity => SubjectSimilarity,
        _ => PatchQuality,
    };

    /// <summary>Its name within a sentence: "patch quality", but "DINO".</summary>
    public string Name => char.IsLower(Title[1]) ? char.ToLowerInvariant(Title[0]) + Title[1..] : Title;

    /// <summary>Its name, which leads to what it means.</summary>
    public Html Link() => Link(Title);

    /// <summary>Other words that lead to it.</summary>
    public Html Link(string words) => $"<a href=\"#def-{Anchor}\">{words}</a>";
}
