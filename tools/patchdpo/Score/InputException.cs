namespace ScoreFolder;

/// <summary>What the user gave cannot be worked with; the message says why.</summary>
internal sealed class InputException(string message) : Exception(message);
