using System.CommandLine;
using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Weights;

namespace PatchDpo.Tool.Shared;

/// <summary>How every command ends: the exit codes, and one line for a fault.</summary>
internal static class Ending
{
    /// <summary>It did what it was asked for.</summary>
    public const int Done = 0;

    /// <summary>The program failed where it should not have.</summary>
    public const int OurFault = 1;

    /// <summary>What was given cannot be worked with.</summary>
    public const int UsersFault = 2;

    /// <summary>A signal stopped it.</summary>
    public const int Stopped = 130;

    /// <summary>Tells a fault in one line.</summary>
    /// <param name="e">The fault.</param>
    /// <param name="withStack">Whether its stack follows.</param>
    /// <param name="errors">Where to.</param>
    /// <returns>The exit code.</returns>
    public static int Tell(Exception e, bool withStack, TextWriter errors)
    {
        int code = CodeOf(e);
        string hint = withStack ? "" : " Run the same command with --stack-trace to see where, and report it.";
        errors.WriteLine(code == UsersFault
            ? $"error: {Line(e)}"
            : $"error: this should not have happened ({e.GetType().Name}: {Line(e).TrimEnd('.')}).{hint}");
        if (withStack)
            errors.WriteLine(e);
        return code;
    }

    /// <summary>Tells in one line what is wrong with a command line.</summary>
    public static int TellUsage(ParseResult parsed, TextWriter errors)
    {
        // One line, also where System.CommandLine lists what it would take.
        string faults = OneLine(string.Join(' ', parsed.Errors.Select(e => e.Message)));
        IEnumerable<string> names = parsed.CommandResult.Command is RootCommand ? [] : [parsed.CommandResult.Command.Name];
        errors.WriteLine($"error: {faults.TrimEnd('.')}. See {string.Join(' ', ["patchdpo", .. names, "--help"])}.");
        return UsersFault;
    }

    /// <summary>Whose fault it is.</summary>
    public static int CodeOf(Exception e) => e switch
    {
        PatchDpoException or InputException or ArgumentException or IOException or UnauthorizedAccessException => UsersFault,
        ObjectDisposedException => OurFault,
        // Of the library these are refusals with a reason, such as a float16 model that is to be trained; of .NET they are slips of ours.
        InvalidOperationException or NotSupportedException or FormatException or InvalidDataException or OverflowException
            when e.Source is "PatchDpo.Torch" or "PatchDpo.MLNet" => UsersFault,
        _ => OurFault,
    };

    /// <summary>An exception's message on one line that no file's name or key can break or reorder.</summary>
    public static string Line(Exception e) => KeyText.Escape(OneLine(e.Message));

    private static string OneLine(string text) => string.Join(' ', text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));
}
