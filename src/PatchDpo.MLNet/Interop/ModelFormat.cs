using System.Reflection;
using Microsoft.ML;
using Microsoft.ML.Runtime;

namespace PatchDpo.MLNet.Interop;

/// <summary>The bridge to ML.NET's model format, so that <c>mlContext.Model.Save</c> and <c>Load</c> work on our transformers.</summary>
/// <remarks>
/// ML.NET keeps the members that a transformer of another assembly needs for this internal. They are reached by reflection
/// here and nowhere else; a test names each of them, so that an update of ML.NET that moves one fails there first.
/// </remarks>
internal static class ModelFormat
{
    private static readonly Lazy<ModelFormatMembers> LazyMembers = new(() => new ModelFormatMembers());

    internal static ModelFormatMembers Members => LazyMembers.Value;

    /// <summary>Writes the header of a component.</summary>
    /// <returns>The writer for the component's settings.</returns>
    public static BinaryWriter BeginSave(ModelSaveContext context, ModelSignature signature)
    {
        ArgumentNullException.ThrowIfNull(context);
        Invoke(Members.CheckAtModelOnSave, context);
        Invoke(Members.SetVersionInfo, context, Members.VersionInfo(signature));
        return (BinaryWriter)Members.Writer.GetValue(context)!;
    }

    /// <summary>Adds a named entry of raw bytes beside the component's settings.</summary>
    public static void WriteEntry(ModelSaveContext context, string name, Action<Stream> write)
        => Invoke(Members.SaveBinaryStream, context, name, (Action<BinaryWriter>)(writer =>
        {
            writer.Flush();
            write(writer.BaseStream);
        }));

    /// <summary>Checks the header of a component.</summary>
    /// <param name="context">ML.NET's ModelLoadContext, whose type is internal.</param>
    /// <param name="signature">What the header must say.</param>
    /// <returns>The reader of the component's settings.</returns>
    public static BinaryReader BeginLoad(object context, ModelSignature signature)
    {
        ArgumentNullException.ThrowIfNull(context);
        Invoke(Members.CheckAtModelOnLoad, context, Members.VersionInfo(signature));
        return (BinaryReader)Members.Reader.GetValue(context)!;
    }

    /// <summary>The version of a component's format that it was saved in, at most its signature's; to be asked after <see cref="BeginLoad"/>.</summary>
    public static uint WrittenVersion(object context) => (uint)Members.ModelVerWritten.GetValue(Members.Header.GetValue(context))!;

    /// <summary>Reads a named entry that <see cref="WriteEntry"/> wrote.</summary>
    /// <exception cref="FormatException">The model has no such entry.</exception>
    public static void ReadEntry(object context, string name, Action<Stream> read)
    {
        bool found = (bool)Invoke(Members.TryLoadBinaryStream, context, name, (Action<BinaryReader>)(reader => read(reader.BaseStream)))!;
        if (!found)
            throw new FormatException($"The saved model has no entry '{name}'.");
    }

    /// <summary>Makes loaders known to one environment.</summary>
    /// <param name="catalog">The environment's catalog.</param>
    /// <param name="loaders">
    /// The signatures with the types that have <c>static T Create(IHostEnvironment env, object context)</c>.
    /// </param>
    public static void Register(ComponentCatalog catalog, IEnumerable<(ModelSignature Signature, Type Type)> loaders)
    {
        Attribute[] attributes = loaders.Select(l => Members.LoadableClass(l.Signature, l.Type)).ToArray();
        catalog.RegisterAssembly(new LoaderAssembly("PatchDpo.MLNet.Loaders", attributes));
    }

    private static object? Invoke(MethodInfo method, object target, params object?[] arguments)
        => method.Invoke(target, BindingFlags.DoNotWrapExceptions, null, arguments, null);

    /// <summary>What <see cref="ComponentCatalog.RegisterAssembly"/> reads of an assembly: its name and its loader attributes.</summary>
    private sealed class LoaderAssembly(string name, Attribute[] attributes) : Assembly
    {
        public override string FullName => name;

        public override AssemblyName GetName(bool copiedName) => new(name);

        public override Type[] GetTypes() => Type.EmptyTypes;

        public override object[] GetCustomAttributes(bool inherit) => attributes;

        public override object[] GetCustomAttributes(Type attributeType, bool inherit)
        {
            Attribute[] hits = attributes.Where(attributeType.IsInstanceOfType).ToArray();
            var typed = Array.CreateInstance(attributeType, hits.Length);
            Array.Copy(hits, typed, hits.Length);
            return (object[])typed;
        }
    }
}
