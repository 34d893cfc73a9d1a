using System.Runtime.CompilerServices;
using Microsoft.ML;

namespace PatchDpo.MLNet;

/// <summary>Adds this library to <see cref="MLContext"/>.</summary>
public static class PatchDpoMLContextExtensions
{
    private static readonly ConditionalWeakTable<MLContext, PatchDpoCatalog> s_catalogs = new();

    extension(MLContext mlContext)
    {
        /// <summary>Scores patch quality, trains personalised image generators on it, generates with them and evaluates them.</summary>
        public PatchDpoCatalog PatchDpo => GetPatchDpo(mlContext);
    }

    /// <summary>The same as <c>mlContext.PatchDpo</c>, for languages without extension properties (F#, Visual Basic).</summary>
    /// <param name="mlContext">The context; it has one catalogue.</param>
    public static PatchDpoCatalog GetPatchDpo(this MLContext mlContext)
    {
        ArgumentNullException.ThrowIfNull(mlContext);
        return s_catalogs.GetValue(mlContext, context => new PatchDpoCatalog(context));
    }
}
