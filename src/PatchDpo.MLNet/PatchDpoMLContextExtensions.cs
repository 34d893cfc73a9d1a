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
        public PatchDpoCatalog PatchDpo => s_catalogs.GetValue(mlContext, context => new PatchDpoCatalog(context));
    }
}
