namespace PatchDpo.Tool.Shared;

/// <summary>What the user gave cannot be worked with; the message says why.</summary>
internal sealed class InputException(string message, Exception? innerException = null) : Exception(message, innerException);
