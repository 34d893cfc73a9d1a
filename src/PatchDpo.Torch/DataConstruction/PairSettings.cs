using System.Globalization;
using System.Reflection;
using PatchDpo.Torch.Personalization;

namespace PatchDpo.Torch.DataConstruction;

/// <summary>Options as names and values.</summary>
/// <remarks>Reads all properties there are, so that an option added later cannot be forgotten.</remarks>
internal static class PairSettings
{
    // When to give up, how several references are put together where a pair has one, what is an error: none decides what is made.
    private static readonly string[] Ignored = [nameof(PairBuilderOptions.MaxCandidates), nameof(GenerationOptions.ReferenceFusion),
        nameof(GenerationOptions.RefuseTruncatedPrompts)];

    /// <summary>All options with their values in the invariant culture; those of nested options after a dot.</summary>
    public static SortedDictionary<string, string> Of(object options)
    {
        var settings = new SortedDictionary<string, string>(StringComparer.Ordinal);
        Add(options, "");
        return settings;

        void Add(object group, string prefix)
        {
            foreach (PropertyInfo property in group.GetType().GetProperties().Where(p => !Ignored.Contains(p.Name)))
            {
                object? value = property.GetValue(group);
                string name = prefix + property.Name;
                if (value is not null and not string and not ValueType)
                    Add(value, name + ".");
                else
                    settings.Add(name, value is null ? "none" : Convert.ToString(value, CultureInfo.InvariantCulture)!);
            }
        }
    }
}
