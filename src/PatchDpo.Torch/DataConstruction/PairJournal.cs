using System.Text;
using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.PatchQuality;

namespace PatchDpo.Torch.DataConstruction;

/// <summary>The manifest of a folder that is being built: one JSON object a line, appended when the files that it names are on the disk.</summary>
/// <remarks>
/// A line that is not there did not happen: a process that is killed loses at most the batch that it was making, whose files
/// are then made again. Only one process at a time can have it open.
/// </remarks>
internal sealed class PairJournal : IDisposable
{
    private readonly FileStream _stream;
    private readonly string _path;
    private readonly List<CandidateRecord> _candidates = [];
    private readonly List<SampleRecord> _samples = [];
    private readonly List<QualityMapPair> _maps = [];

    private PairJournal(string path)
    {
        _path = path;
        RegularFile.Require(path, kind => new PairFolderException(path, null, $"this is {kind}, not the record of a build."));
        _stream = new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
    }

    /// <summary>The candidates so far.</summary>
    public IReadOnlyList<CandidateRecord> Candidates => _candidates;

    /// <summary>The samples so far.</summary>
    public IReadOnlyList<SampleRecord> Samples => _samples;

    /// <summary>The maps of the samples' pairs, sample by sample.</summary>
    public IReadOnlyList<QualityMapPair> Maps => _maps;

    /// <summary>Opens a folder's journal, or starts it.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="header">What it is to be built with.</param>
    /// <exception cref="PairFolderMismatchException">It was begun with another header.</exception>
    /// <exception cref="PairFolderException">A line is damaged.</exception>
    /// <exception cref="IOException">Another process has it open.</exception>
    public static PairJournal Open(string folder, PairHeader header)
    {
        var journal = new PairJournal(Path.Combine(folder, PairLayout.Journal));
        try
        {
            journal.Continue(folder, header);
            return journal;
        }
        catch
        {
            journal.Dispose();
            throw;
        }
    }

    /// <summary>Adds a line and waits until it is on the disk.</summary>
    public void Append(JournalLine line)
    {
        _stream.Write(PairJson.Line(line));
        _stream.Flush(flushToDisk: true);
        Take(line, null);
    }

    public void Dispose() => _stream.Dispose();

    private void Continue(string folder, PairHeader header)
    {
        DropTornLine();
        _stream.Position = 0;
        try
        {
            ReadLines(folder, header);
        }
        catch (DecoderFallbackException e)
        {
            throw new PairFolderException(_path, null, "it is not valid UTF-8.", e);
        }
        _stream.Position = _stream.Length;
        if (_stream.Length == 0)
            Append(new JournalLine(header));
    }

    private void ReadLines(string folder, PairHeader header)
    {
        using StreamReader reader = new(
            _stream, new UTF8Encoding(false, throwOnInvalidBytes: true), detectEncodingFromByteOrderMarks: false, bufferSize: 1 << 16, leaveOpen: true);
        for (int number = 1; reader.ReadLine() is string text; number++)
        {
            string place = $"line {number}";
            JournalLine line = PairJson.Parse<JournalLine>(text, _path, place);
            if ((number == 1) != (line.Header is not null))
                throw new PairFolderException(_path, place, "the first line, and no other, has the header.");
            if (line.Header?.ChangesTo(header) is { Count: > 0 } changes)
                throw new PairFolderMismatchException(folder, changes);
            Take(line, place);
        }
    }

    /// <summary>Cuts what a killed process left of its last line.</summary>
    private void DropTornLine()
    {
        long end = _stream.Length;
        for (; end > 0; end--)
        {
            _stream.Position = end - 1;
            if (_stream.ReadByte() == '\n')
                break;
        }
        _stream.SetLength(end);
    }

    private void Take(JournalLine line, string? place)
    {
        _candidates.AddRange(line.Candidates ?? []);
        _samples.AddRange(line.Samples ?? []);
        try
        {
            _maps.AddRange((line.Maps ?? []).Select(m => m.ToMaps()));
        }
        catch (ArgumentException e)
        {
            throw new PairFolderException(_path, place, e.Message, e);
        }
    }
}
