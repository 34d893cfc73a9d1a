namespace ProceduralCharacters;

/// <summary>How a character stands.</summary>
public enum Pose
{
    Standing,
    Jumping,
    UpsideDown,
}
