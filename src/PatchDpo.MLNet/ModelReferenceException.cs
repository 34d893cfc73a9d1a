using PatchDpo.Torch.Foundation;

namespace PatchDpo.MLNet;

/// <summary>A saved model refers to a folder or a file of weights that is gone or has changed.</summary>
/// <remarks>
/// <c>mlContext.Model.Load</c> wraps it in a <see cref="System.Reflection.TargetInvocationException"/>; <see cref="PatchDpoCatalog.LoadModel"/>
/// throws it as it is.
/// </remarks>
public sealed class ModelReferenceException : PatchDpoException
{
    /// <summary>Creates the exception.</summary>
    /// <param name="folder">The folder or file as it was stored, or as it was redirected.</param>
    /// <param name="reason">What is wrong with it.</param>
    /// <param name="inner">The cause, if any.</param>
    public ModelReferenceException(string folder, string reason, Exception? inner = null)
        : base($"The saved model refers to the model '{folder}': {reason}", inner) => Folder = folder;

    /// <summary>The folder or file as it was stored, or as it was redirected.</summary>
    public string Folder { get; }
}
