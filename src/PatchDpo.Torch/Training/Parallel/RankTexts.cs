using System.Text;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Training.Parallel;

/// <summary>Text between processes, over the contract's tensors.</summary>
internal static class RankTexts
{
    /// <summary>Gives all processes one process's text.</summary>
    /// <param name="group">The processes.</param>
    /// <param name="text">The root's text; the others' is not looked at.</param>
    /// <param name="root">Whose.</param>
    public static string Broadcast(IProcessGroup group, string? text, int root)
    {
        byte[] bytes = group.Rank == root ? Encoding.UTF8.GetBytes(text!) : [];
        using DisposeScope scope = NewDisposeScope();
        Tensor length = tensor(new[] { (long)bytes.Length });
        group.Broadcast(length, root);
        if (length.item<long>() == 0)
            return "";
        Tensor content = group.Rank == root ? tensor(bytes) : zeros(length.item<long>(), ScalarType.Byte);
        group.Broadcast(content, root);
        return Encoding.UTF8.GetString(content.data<byte>().ToArray());
    }

    /// <summary>The text of the first process that has one, in all processes; null where none has.</summary>
    /// <param name="group">The processes.</param>
    /// <param name="own">This process's text, or null.</param>
    public static (int Rank, string Text)? FindFirst(IProcessGroup group, string? own)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor flags = zeros(group.Size, ScalarType.Int64);
        if (own is not null)
            flags[group.Rank] = tensor(1L);
        group.AllReduce(flags);
        int first = Array.FindIndex(flags.data<long>().ToArray(), f => f != 0);
        return first < 0 ? null : (first, Broadcast(group, own, first));
    }
}
