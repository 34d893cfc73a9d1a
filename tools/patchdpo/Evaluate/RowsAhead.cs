using PatchDpo.Torch.Evaluation;

namespace PatchDpo.Tool.Evaluate;

/// <summary>Loads the images of the rows of an evaluation, a product's photos once, on other threads ahead of who evaluates them.</summary>
/// <param name="parts">Each of one product, with at least one image.</param>
/// <param name="ahead">Of how many rows images are loaded before they are asked for, at most.</param>
/// <param name="isWhole">Whether the parts are asked for in order, all of them: then loading goes on from one part to the next.</param>
internal sealed class RowsAhead(IReadOnlyList<ProductImage[]> parts, int ahead, bool isWhole) : IDisposable
{
    private readonly Queue<(int Part, Task<EvaluationRow> Row)> _begun = new();
    private (int Part, int Image) _next;
    private Task<EvaluationRow>? _first;

    /// <summary>The rows of a part in order; what is wrong with a file is told when its row is asked for.</summary>
    /// <param name="part">The part's place.</param>
    /// <param name="report">Told how many rows of it were taken, when the next is asked for.</param>
    public IEnumerable<EvaluationRow> Of(int part, Action<int> report)
    {
        if (!_begun.TryPeek(out (int Part, Task<EvaluationRow> Row) waiting) || waiting.Part != part)
        {
            AwaitAll();
            _next = (part, 0);
        }
        for (int i = 0; i < parts[part].Length; i++)
        {
            while (_begun.Count <= ahead && _next.Part <= (isWhole ? parts.Count - 1 : part))
                Begin();
            yield return _begun.Dequeue().Row.GetAwaiter().GetResult();
            report(i + 1);
        }
    }

    public void Dispose() => AwaitAll();

    private void Begin()
    {
        (int part, int place) = _next;
        ProductImage image = parts[part][place];
        Task<EvaluationRow> row = place == 0 ? _first = Task.Run(() => Load(image, null)) : LoadLike(_first!, image);
        _begun.Enqueue((part, row));
        _next = place + 1 < parts[part].Length ? (part, place + 1) : (part + 1, 0);
    }

    private static async Task<EvaluationRow> LoadLike(Task<EvaluationRow> first, ProductImage image)
    {
        EvaluationRow same = await first.ConfigureAwait(false);
        return await Task.Run(() => Load(image, same)).ConfigureAwait(false);
    }

    private static EvaluationRow Load(ProductImage image, EvaluationRow? samePhotos) => image.Files.Load(image.Subject, image.Prompt, samePhotos);

    // No file is read any more then; what is wrong with rows that nobody came to is nobody's fault.
    private void AwaitAll()
    {
        Task.WhenAny(Task.WhenAll(_begun.Select(b => b.Row))).Wait();
        _begun.Clear();
    }
}
