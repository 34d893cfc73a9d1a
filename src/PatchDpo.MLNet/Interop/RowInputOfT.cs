using Microsoft.ML;

namespace PatchDpo.MLNet.Interop;

/// <summary>A column that a component reads, with the type that it reads it as.</summary>
/// <typeparam name="T">A value that outlives the row.</typeparam>
/// <param name="name">The column's name.</param>
internal abstract class RowInput<T>(string name) : RowInput(name)
{
    /// <summary>A function that copies the current value of a row.</summary>
    public abstract Func<T> Reader(DataViewRow row);
}
