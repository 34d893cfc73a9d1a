using Microsoft.ML;

namespace PatchDpo.MLNet.Interop;

/// <summary>A row of ours whose images can be had without a detour over ML.NET's, and before they are read.</summary>
internal interface IImageRow
{
    /// <summary>A function that gives the current row's image, null for a row without one; null where a column can only be had as ML.NET has it.</summary>
    /// <param name="column">An active image column of this row.</param>
    Func<RowImage?>? Images(DataViewSchema.Column column);
}
