namespace Quickstart;

/// <summary>A part of a character whose colour came right with fine-tuning, or went wrong.</summary>
/// <param name="IsMended">Whether it was wrong before and is right after; else it was right and is wrong.</param>
/// <param name="Left">Its box in the image's pixels.</param>
/// <param name="Top">Its first row.</param>
/// <param name="Right">Its last column.</param>
/// <param name="Bottom">Its last row.</param>
internal sealed record PartChange(bool IsMended, int Left, int Top, int Right, int Bottom);
