using System.Globalization;
using System.IO.Enumeration;
using System.Text.Json;
using PatchDpo.Tool.Shared;
using PatchDpo.Torch.Foundation;

namespace PatchDpo.Tool.Shards;

/// <summary>The results of shards in a folder: a file of lines for each shard that worked, which only grows.</summary>
/// <remarks>
/// A line is written when its part is done: a process that is killed loses the part that it was at. What it left of a line has no end and counts for nothing.
/// Files are named by shard and number of shards, and a part is taken from whichever has it.
/// </remarks>
internal sealed class ShardFolder : IDisposable
{
    /// <summary>The folder's name in a command's output.</summary>
    public const string Name = "shards";

    private const string Pattern = "shard-*.jsonl";

    private readonly string _path;
    // How far each file has been read, and where each part's line is.
    private readonly Dictionary<string, long> _read = [];
    private readonly Dictionary<int, (string File, long Start, int Length)> _parts = [];
    private FileStream? _lock, _own;

    /// <param name="output">The command's output folder.</param>
    public ShardFolder(string output) => _path = Directory.CreateDirectory(Path.Combine(output, Name)).FullName;

    /// <summary>The folder.</summary>
    public string FullName => _path;

    /// <summary>How many parts are done, as far as <see cref="Refresh"/> saw.</summary>
    public int Done => _parts.Count;

    /// <summary>Whether a part is done.</summary>
    public bool Has(int part) => _parts.ContainsKey(part);

    /// <summary>Opens this process's own file to add to.</summary>
    /// <exception cref="IOException">Another process works on the same shard.</exception>
    public void Open(ShardChoice shard)
    {
        string file = Path.Combine(_path, string.Create(CultureInfo.InvariantCulture, $"shard-{shard.Index}-of-{shard.Count}.jsonl"));
        try
        {
            _lock = new FileStream(file + ".lock", FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException e) when (File.Exists(file + ".lock"))
        {
            throw new IOException($"Another process works on shard {shard.Index}/{shard.Count} in '{_path}' at this moment.", e);
        }
        _own = new FileStream(file, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.ReadWrite);
        // What a killed process left of its last line is cut off.
        _own.SetLength(EndOfLines(_own, 0));
        _own.Position = _own.Length;
    }

    /// <summary>Adds a part's result.</summary>
    public void Add<T>(int part, T result)
    {
        byte[] line = [.. JsonSerializer.SerializeToUtf8Bytes(new Line<T>(part, result)), (byte)'\n'];
        _own!.Write(line);
        _own.Flush(flushToDisk: true);
    }

    /// <summary>Reads what has been added since, by whatever process.</summary>
    /// <exception cref="InputException">A line is damaged.</exception>
    public void Refresh()
    {
        foreach (string file in FolderFiles.Files(_path).Where(f => FileSystemName.MatchesSimpleExpression(Pattern, Path.GetFileName(f))))
        {
            using FileStream stream = new(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
            long start = _read.GetValueOrDefault(file), end = EndOfLines(stream, start);
            byte[] bytes = new byte[end - start];
            stream.Position = start;
            stream.ReadExactly(bytes);
            for (int first = 0; first < bytes.Length;)
            {
                int length = Array.IndexOf(bytes, (byte)'\n', first) - first;
                _parts.TryAdd(PartOf(file, start + first, bytes.AsSpan(first, length)), (file, start + first, length));
                first += length + 1;
            }
            _read[file] = end;
        }
    }

    /// <summary>The result of a part that is done.</summary>
    public T Read<T>(int part)
    {
        (string file, long start, int length) = _parts[part];
        using FileStream stream = new(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        byte[] bytes = new byte[length];
        stream.Position = start;
        stream.ReadExactly(bytes);
        try
        {
            return JsonSerializer.Deserialize<Line<T>>(bytes)!.Result;
        }
        catch (JsonException e)
        {
            throw Damaged(file, start, e);
        }
    }

    public void Dispose()
    {
        _own?.Dispose();
        _lock?.Dispose();
    }

    private static int PartOf(string file, long start, ReadOnlySpan<byte> line)
    {
        try
        {
            Utf8JsonReader reader = new(line);
            while (reader.Read())
            {
                if (reader.CurrentDepth == 1 && reader.TokenType == JsonTokenType.PropertyName && reader.ValueTextEquals(nameof(Line<int>.Part)))
                {
                    reader.Read();
                    return reader.GetInt32();
                }
            }
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or FormatException)
        {
            throw Damaged(file, start, e);
        }
        throw Damaged(file, start, null);
    }

    private static InputException Damaged(string file, long start, Exception? inner)
        => new($"'{file}', byte {start}: the line is no result of a shard{(inner is null ? "" : $" ({inner.Message})")}. "
            + "Remove the file to compute its parts again.");

    private static long EndOfLines(FileStream stream, long start)
    {
        byte[] buffer = new byte[1 << 16];
        for (long end = stream.Length; end > start;)
        {
            int count = (int)Math.Min(buffer.Length, end - start);
            stream.Position = end - count;
            stream.ReadExactly(buffer, 0, count);
            int last = Array.LastIndexOf(buffer, (byte)'\n', count - 1, count);
            if (last >= 0)
                return end - count + last + 1;
            end -= count;
        }
        return start;
    }

    private sealed record Line<T>(int Part, T Result);
}
