using PatchDpo.Torch.Images;
using ProceduralCharacters;

namespace Quickstart;

/// <summary>Rows to generate for, and what the drawn ones should look like.</summary>
internal sealed class Workload
{
    private readonly List<RenderedCharacter?> _truths = [];

    private Workload()
    {
    }

    /// <summary>The rows, with the paths that their images go to.</summary>
    public List<Row> Rows { get; } = [];

    /// <summary>
    /// Asks for each subject on white, as references and generations of a training set are made: patch by patch, the reference is what should come
    /// out.
    /// </summary>
    /// <param name="subjects">The subjects, taken in turn.</param>
    /// <param name="count">Rows.</param>
    /// <param name="noun">What photos show, in the model's words.</param>
    /// <param name="folder">Where generated images go.</param>
    public static Workload OnWhite(IReadOnlyList<Subject> subjects, int count, string noun, string folder)
        => Create(subjects, count, noun, folder, (kind, _) => Prompt.OnWhite(kind));

    /// <summary>Asks for each subject in random scenes: small, turned, wearing, holding or painted as a prompt wants it.</summary>
    /// <param name="subjects">The subjects, taken in turn.</param>
    /// <param name="count">Rows.</param>
    /// <param name="seed">Decides the prompts.</param>
    /// <param name="noun">What photos show, in the model's words.</param>
    /// <param name="folder">Where generated images go.</param>
    public static Workload InScenes(IReadOnlyList<Subject> subjects, int count, int seed, string noun, string folder)
        => Create(subjects, count, noun, folder, (kind, i) => Prompt.Varied(kind, (seed * 7_919) + i));

    /// <summary>The same rows, with their images in another folder.</summary>
    public Workload Into(string folder)
    {
        Directory.CreateDirectory(folder);
        var other = new Workload();
        other._truths.AddRange(_truths);
        other.Rows.AddRange(Rows.Select(r => new Row
        {
            Subject = r.Subject,
            Prompt = r.Prompt,
            ReferencePath = r.ReferencePath,
            GeneratedPath = Path.Combine(folder, Path.GetFileName(r.GeneratedPath)),
            Noise = r.Noise,
        }));
        return other;
    }

    /// <summary>Share of the visible parts that have another colour than the reference's, in [0, 1]; null for photos, whose parts nobody knows.</summary>
    public double? WrongParts()
        => _truths.Any(t => t is null)
            ? null
            : Rows.Zip(_truths).Average(p => PartAccuracy.Measure(ImageFile.Load(p.First.GeneratedPath).ToRgb(), p.Second!).WrongParts);

    /// <summary>The parts of a row's image that came right or went wrong after; none for photos, whose parts nobody knows.</summary>
    public IReadOnlyList<PartChange> Changes(int row, Workload after)
    {
        if (_truths[row] is not RenderedCharacter truth)
            return [];
        IReadOnlyList<double> then = Errors(Rows[row]), now = Errors(after.Rows[row]);
        return
        [
            .. Enumerable.Range(0, then.Count)
                .Where(p => !double.IsNaN(then[p]) && (then[p] > PartAccuracy.WrongAbove) != (now[p] > PartAccuracy.WrongAbove))
                .Select(p => Box(truth, p, then[p] > PartAccuracy.WrongAbove)),
        ];

        IReadOnlyList<double> Errors(Row r) => PartAccuracy.Measure(ImageFile.Load(r.GeneratedPath).ToRgb(), truth).PartErrors;
    }

    private static PartChange Box(RenderedCharacter truth, int part, bool isMended)
    {
        int width = truth.Image.Width;
        int[] places = [.. Enumerable.Range(0, truth.PartMask.Length).Where(i => truth.PartMask[i] == part)];
        return new PartChange(isMended, places.Min(i => i % width), places.Min(i => i / width), places.Max(i => i % width), places.Max(i => i / width));
    }

    private static Workload Create(IReadOnlyList<Subject> subjects, int count, string noun, string folder, Func<CharacterKind, int, Prompt> request)
    {
        Directory.CreateDirectory(folder);
        var workload = new Workload();
        for (int i = 0; i < count; i++)
        {
            Subject subject = subjects[i % subjects.Count];
            Prompt prompt = request(subject.Character?.Kind ?? Enum.Parse<CharacterKind>(noun, ignoreCase: true), i);
            workload.Rows.Add(new Row
            {
                Subject = subject.Name,
                Prompt = prompt.Text,
                ReferencePath = subject.ReferencePath,
                GeneratedPath = Path.Combine(folder, $"{i:D3}_{subject.Name}.png"),
                Noise = i,
            });
            workload._truths.Add(subject.Character is null ? null : CharacterRenderer.Render(subject.Character, prompt, i));
        }
        return workload;
    }
}
