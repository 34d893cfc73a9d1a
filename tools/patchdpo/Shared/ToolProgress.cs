using System.Diagnostics;
using Spectre.Console;

namespace PatchDpo.Tool.Shared;

/// <summary>Shows how far a command is on the error stream: a bar on a terminal, elsewhere a line now and then.</summary>
internal sealed class ToolProgress
{
    private readonly IAnsiConsole? _terminal;
    private readonly ProgressTask? _bar;
    private readonly Stopwatch _clock = Stopwatch.StartNew();
    private TimeSpan _next = TimeSpan.FromSeconds(2);

    private ToolProgress(IAnsiConsole? terminal, ProgressTask? bar)
    {
        _terminal = terminal;
        _bar = bar;
    }

    /// <summary>Runs something that shows how far it is.</summary>
    /// <param name="title">What stands beside the bar before the first report.</param>
    /// <param name="body">The work; it is done when this returns, on the calling thread.</param>
    public static T Run<T>(string title, Func<ToolProgress, T> body)
    {
        IAnsiConsole terminal = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(Console.Error) });
        Capabilities capabilities = terminal.Profile.Capabilities;
        if (Console.IsErrorRedirected || !capabilities.Ansi || !capabilities.Interactive)
            return body(new ToolProgress(null, null));
        ProgressColumn[] columns =
        [
            new ProgressBarColumn(), new PercentageColumn(), new ElapsedTimeColumn(), new RemainingTimeColumn(),
            new TaskDescriptionColumn { Alignment = Justify.Left },
        ];
        return terminal.Progress().Columns(columns).Start(context => body(new ToolProgress(terminal, context.AddTask(Markup.Escape(title)))));
    }

    /// <summary>Shows a state in place of the one before.</summary>
    /// <param name="done">How much is done.</param>
    /// <param name="total">Of how much; the last state, where nothing is left, is always printed.</param>
    /// <param name="text">The state in words, with these numbers, and without a line break.</param>
    public void Report(double done, double total, string text)
    {
        if (_bar is not null)
        {
            _bar.MaxValue = total;
            _bar.Value = done;
            _bar.Description = Markup.Escape(text);
            return;
        }
        if (done < total && _clock.Elapsed < _next)
            return;
        // The longer it takes, the fewer lines: a training of days should not fill a log.
        _next = (_clock.Elapsed * 1.05) + TimeSpan.FromSeconds(2);
        Console.Error.WriteLine(text);
    }

    /// <summary>Writes a line that stays, above the bar.</summary>
    public void WriteLine(string text)
    {
        if (_terminal is null)
            Console.Error.WriteLine(text);
        else
            _terminal.WriteLine(text);
    }
}
