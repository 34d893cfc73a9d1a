using System.Collections;
using System.Globalization;
using System.Reflection;

namespace PatchDpo.Torch.Foundation;

/// <summary>Options as names and values.</summary>
/// <remarks>Reads all properties there are, so that an option added later cannot be forgotten.</remarks>
internal static class OptionValues
{
    /// <summary>All options with their values in the invariant culture; those of nested options after a dot, a list's values behind one another.</summary>
    /// <param name="options">The options.</param>
    /// <param name="ignored">Names of properties that do not count, at any depth.</param>
    public static SortedDictionary<string, string> Of(object options, params IReadOnlyCollection<string> ignored)
    {
        var values = new SortedDictionary<string, string>(StringComparer.Ordinal);
        Add(options, "");
        return values;

        void Add(object group, string prefix)
        {
            foreach (PropertyInfo property in group.GetType().GetProperties().Where(p => !ignored.Contains(p.Name)))
            {
                object? value = property.GetValue(group);
                string name = prefix + property.Name;
                if (value is IEnumerable list and not string)
                    values.Add(name, string.Join(' ', list.Cast<object?>().Select(Text)));
                else if (value is not null and not string and not ValueType)
                    Add(value, name + ".");
                else
                    values.Add(name, Text(value));
            }
        }

        static string Text(object? value) => value is null ? "none" : Convert.ToString(value, CultureInfo.InvariantCulture)!;
    }
}
