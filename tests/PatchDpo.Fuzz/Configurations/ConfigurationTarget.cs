namespace PatchDpo.Fuzz.Configurations;

/// <summary>One configuration of a small model, and how a user loads what it describes.</summary>
/// <param name="Name">The model and the part.</param>
/// <param name="File">The configuration.</param>
/// <param name="Load">Loads what it describes and computes something with it.</param>
/// <param name="LoadWhole">Loads the whole model that it is a part of and makes an image; null where there is none.</param>
/// <param name="MoreFields">Fields that the file has not, but its reader knows, each with a sound value.</param>
internal sealed record ConfigurationTarget(string Name, string File, Action Load, Action? LoadWhole, IReadOnlyDictionary<string, string> MoreFields);
