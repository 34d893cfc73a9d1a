namespace PatchDpo.Fuzz.Configurations;

/// <summary>A configuration with one field changed.</summary>
/// <param name="Field">The field, dotted from the root.</param>
/// <param name="Text">The whole file.</param>
/// <param name="What">What was put in place of the field's value, shortened.</param>
internal sealed record ConfigurationChange(string Field, string Text, string What);
