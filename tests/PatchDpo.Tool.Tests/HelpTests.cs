namespace PatchDpo.Tool.Tests;

/// <summary>What the program says of itself.</summary>
public sealed class HelpTests
{
    [Theory]
    [InlineData(
        "generate", "<model>", "--adapter", "--image-encoder", "--tokenizer", "--scheduler", "--prompt", "--prompts", "--reference", "--mask", "--objects", "--output",
        "--seed", "--steps", "--guidance", "--scale", "--negative", "--width", "--height", "--count", "--batch", "--refuse-long-prompts", "--allow-empty-prompt",
        "--format", "--device", "--dtype")]
    [InlineData(
        "score", "separation", "matching", "--generated", "--references", "--pairs", "--output", "--worst", "--heat-maps", "--format",
        "--ignore-plain-background", "--overview", "--encoder", "--stage,", "--patch", "--size", "--shard", "--rank-timeout")]
    [InlineData("merge", "<output>")]
    [InlineData("score separation", "<folder>", "--limit", "--seed", "--ignore-plain-background", "--encoder", "--stage,", "--patch", "--size")]
    [InlineData(
        "build", "--model", "--adapter", "--image-encoder", "--tokenizer", "--scheduler", "--encoder", "--stage,", "--patch", "--size", "--prompts", "--references", "--generations", "--output",
        "--seed", "--steps", "--clip", "--min-clip-t", "--format", "--shard", "--rank-timeout")]
    [InlineData(
        "train", "--model", "--adapter", "--image-encoder", "--tokenizer", "--pairs", "--verify", "--output", "--objective", "--steps", "--batch-size",
        "--learning-rate", "--weight-decay", "--weights", "--contrast", "--low-percentile", "--high-percentile", "--min-snr-gamma", "--beta", "--text-dropout",
        "--image-dropout", "--both-dropout", "--scale", "--size", "--seed", "--refuse-long-prompts", "--device", "--dtype", "--schedule", "--warmup-steps",
        "--accumulate", "--max-gradient-norm", "--ema-decay", "--probe-prompts", "--probe-references", "--probe-every", "--probe-metric",
        "--probe-dino", "--probe-clip", "--probe-steps", "--probe-best", "--train", "--rank-timeout")]
    [InlineData(
        "train-encoder", "<encoder>", "<photos>", "<output>", "--steps", "--batch", "--points", "--learning-rate", "--crop", "--head", "--blocks", "--stage,",
        "--patch", "--size", "--rotation", "--perspective", "--light", "--temperature", "--paste", "--seed", "--measure")]
    [InlineData(
        "evaluate", "<generations>", "--dreambench", "--dino", "--clip", "--embedded", "--setting", "--output", "--seed", "--allow-missing", "--shard", "--rank-timeout")]
    [InlineData(
        "reproduce", "--model", "--adapter", "--dreambench", "--dino", "--clip", "--encoder", "--output", "--seed", "--data-prompts", "--references",
        "--generations", "--data-steps", "--training-steps", "--batch-size", "--accumulate", "--learning-rate", "--gradient-checkpointing",
        "--checkpoint-every", "--subjects", "--prompts", "--steps", "--batch", "--quick", "--device", "--dtype")]
    [InlineData("compare", "<before>", "<after>", "--show")]
    [InlineData("inspect", "<path>", "--stats")]
    public void Help_lists_the_options_of_a_command(string command, params string[] options)
    {
        string[] path = command.Split(' ');
        (int exitCode, string[] output, string[] errors) = Tool.Run(path[0], [.. path[1..], "--help"]);
        Assert.Equal(0, exitCode);
        Assert.Empty(errors);
        string[] listed = [.. output.Select(l => l.TrimStart().Split(' ')[0])];
        Assert.All(options.Append("--stack-trace"), o => Assert.Contains(o, listed));
    }

    [Fact]
    public void Help_lists_the_commands()
    {
        (int exitCode, string[] output, _) = Tool.Run("--help");
        Assert.Equal(0, exitCode);
        string[] listed = [.. output.SkipWhile(l => l != "Commands:").Skip(1).Select(l => l.TrimStart().Split(' ')[0])];
        Assert.Equal(["generate", "score", "build", "train", "train-encoder", "evaluate", "compare", "merge", "reproduce", "inspect"], listed);
    }

    [Fact]
    public void The_version_is_told() => Assert.Equal(0, Tool.Run("--version").ExitCode);
}
