using PatchDpo.Tests;
using System.CommandLine;
using PatchDpo.Tool.Shared;
using PatchDpo.Torch.Foundation;

namespace PatchDpo.Tool.Tests;

/// <summary>How every command ends.</summary>
public sealed class EndingTests
{
    [Fact]
    public async Task What_is_done_ends_with_0()
    {
        var errors = new StringWriter();
        Assert.Equal(0, await ToolProgram.RunAsync([new ActingCommand(() => { })], ["act"], errors));
        Assert.Equal("", errors.ToString());
    }

    public static TheoryData<Exception> UsersFaults =>
    [
        new EmptyDataException("There is nothing.\nAt all."), new InputException("There is nothing. At all."),
        new ArgumentException("There is nothing. At all."), new ArgumentOutOfRangeException(null, "There is nothing. At all."), new FileNotFoundException(
            "There is nothing. At all."),
        new IOException("There is nothing. At all."), new UnauthorizedAccessException("There is\r\nnothing. At all."),
    ];

    [Theory]
    [MemberData(nameof(UsersFaults))]
    public async Task A_fault_of_the_user_ends_with_2_and_one_line(Exception fault)
    {
        var errors = new StringWriter();
        Assert.Equal(2, await ToolProgram.RunAsync([Fails(fault)], ["act"], errors));
        Assert.Equal($"error: There is nothing. At all.{Environment.NewLine}", errors.ToString());
    }

    [Fact]
    public async Task A_refusal_of_the_library_is_the_users_fault_and_the_same_type_from_elsewhere_is_ours()
    {
        Assert.Equal(2, await CodeOf(() => TorchRuntime.ResolveDevice(1_000, fallbackToCpu: false)));
        Assert.Equal(1, await CodeOf(() => Array.Empty<int>().First()));
        Assert.Equal(1, await CodeOf(() => throw new ObjectDisposedException("model") { Source = "PatchDpo.Torch" }));

        static Task<int> CodeOf(Action action) => ToolProgram.RunAsync([new ActingCommand(action)], ["act"], new StringWriter());
    }

    [Fact]
    public async Task A_fault_of_ours_ends_with_1_and_one_line_that_says_how_to_see_the_stack()
    {
        var errors = new StringWriter();
        Assert.Equal(1, await ToolProgram.RunAsync([Fails(new NullReferenceException("A slip\nof ours."))], ["act"], errors));
        Assert.Equal(
            "error: this should not have happened (NullReferenceException: A slip of ours). "
                + $"Run the same command with --stack-trace to see where, and report it.{Environment.NewLine}",
            errors.ToString());
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task The_stack_is_shown_on_request(bool isOurs)
    {
        var errors = new StringWriter();
        Exception fault = isOurs ? new NullReferenceException() : new IOException("no");
        Assert.Equal(isOurs ? 1 : 2, await ToolProgram.RunAsync([Fails(fault)], ["act", "--stack-trace"], errors));
        string[] lines = errors.ToString().Split(Environment.NewLine);
        Assert.StartsWith("error: ", lines[0], StringComparison.Ordinal);
        Assert.Contains(lines, l => l.StartsWith($"   at {typeof(EndingTests).FullName}", StringComparison.Ordinal));
    }

    [Fact]
    public async Task What_would_break_a_line_is_escaped()
    {
        var errors = new StringWriter();
        await ToolProgram.RunAsync([Fails(new IOException("There is no 'a\u202e\u001b[31mb'."))], ["act"], errors);
        Assert.Equal($@"error: There is no 'a\u202e\u001b[31mb'.{Environment.NewLine}", errors.ToString());
    }

    [Theory]
    [InlineData("Required command was not provided. See patchdpo --help.")]
    [InlineData("Unrecognized command or argument 'frobnicate'. See patchdpo --help.", "frobnicate")]
    [InlineData("Unrecognized command or argument '--frobnicate'. See patchdpo inspect --help.", "inspect", "x", "--frobnicate")]
    [InlineData("Cannot parse argument 'many' for option '--steps'", "train", "--pairs", "x", "--output", "y", "--steps", "many")]
    public void A_command_line_that_cannot_be_understood_ends_with_2_and_one_line(string message, params string[] arguments)
    {
        (int exitCode, string[] output, string[] errors) = ChildProcess.Run(Tool.Assembly, arguments);
        Assert.Equal(2, exitCode);
        Assert.Empty(output);
        string line = Assert.Single(errors);
        Assert.StartsWith("error: ", line, StringComparison.Ordinal);
        Assert.Contains(message, line, StringComparison.Ordinal);
    }

    private static ActingCommand Fails(Exception fault) => new(() => throw fault);

    private sealed class ActingCommand(Action action) : ToolCommand("act", "Does what a test wants.")
    {
        protected override int Run(ParseResult arguments, CancellationToken cancellationToken)
        {
            action();
            return Ending.Done;
        }
    }
}
