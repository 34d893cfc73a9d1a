using Microsoft.ML;
using Microsoft.ML.Data;

namespace PatchDpo.MLNet.Interop;

/// <summary>A column that a component adds, with how its values are made.</summary>
/// <typeparam name="TOutput">What the component computes for a row.</typeparam>
/// <param name="name">The column's name.</param>
/// <param name="type">The column's type.</param>
/// <param name="getter">Makes the column's getter, given what yields the current row's result.</param>
internal sealed class RowOutput<TOutput>(string name, DataViewType type, Func<Func<TOutput>, Delegate> getter) : RowOutput(name, type)
{
    /// <summary>The column's <see cref="ValueGetter{TValue}"/>.</summary>
    public Delegate Getter(Func<TOutput> current) => getter(current);
}
