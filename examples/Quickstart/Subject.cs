using ProceduralCharacters;

namespace Quickstart;

/// <summary>One thing to draw: a character that we know all of, or what a photo shows.</summary>
/// <param name="Name">Unique among the subjects.</param>
/// <param name="ReferencePath">Its reference image, at the model's size.</param>
/// <param name="Character">The drawn character; null for a photo.</param>
internal sealed record Subject(string Name, string ReferencePath, Character? Character);
