using System.Reflection;
using Microsoft.ML;

namespace PatchDpo.MLNet.Interop;

/// <summary>The internal members of ML.NET that <see cref="ModelFormat"/> and <see cref="EnvironmentDevice"/> use.</summary>
internal sealed class ModelFormatMembers
{
    private const BindingFlags Any = BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic;
    private static readonly Assembly Core = typeof(ModelSaveContext).Assembly;

    private readonly ConstructorInfo _versionInfo;
    private readonly Type _loadableClass;
    private readonly Type _loadModelSignature;

    /// <summary>Finds them all.</summary>
    /// <exception cref="NotSupportedException">This version of ML.NET lacks one; the message names it.</exception>
    public ModelFormatMembers()
    {
        Type save = typeof(ModelSaveContext);
        Type load = RequireType("Microsoft.ML.ModelLoadContext");
        Type version = RequireType("Microsoft.ML.VersionInfo");
        _loadModelSignature = RequireType("Microsoft.ML.SignatureLoadModel");
        _loadableClass = RequireType("Microsoft.ML.LoadableClassAttribute");
        // modelSignature, verWrittenCur, verReadableCur, verWeCanReadBack, loaderAssemblyName, loaderSignature, loaderSignatureAlt
        _versionInfo = Require(version.GetConstructor(
            [typeof(string), typeof(uint), typeof(uint), typeof(uint), typeof(string), typeof(string), typeof(string)]), version, ".ctor");
        Writer = Require(save.GetField("Writer", Any), save, "Writer");
        CheckAtModelOnSave = Require(save.GetMethod("CheckAtModel", Any, Type.EmptyTypes), save, "CheckAtModel()");
        SetVersionInfo = Require(save.GetMethod("SetVersionInfo", Any, [version]), save, "SetVersionInfo");
        SaveBinaryStream = Require(save.GetMethod("SaveBinaryStream", Any, [typeof(string), typeof(Action<BinaryWriter>)]), save, "SaveBinaryStream");
        Reader = Require(load.GetField("Reader", Any), load, "Reader");
        CheckAtModelOnLoad = Require(load.GetMethod("CheckAtModel", Any, [version]), load, "CheckAtModel(VersionInfo)");
        Header = Require(load.GetField("Header", Any), load, "Header");
        ModelVerWritten = Require(Header.FieldType.GetField("ModelVerWritten", Any), Header.FieldType, "ModelVerWritten");
        Type environment = RequireType("Microsoft.ML.Runtime.IHostEnvironmentInternal");
        GpuDeviceId = Require(environment.GetProperty("GpuDeviceId", typeof(int?)), environment, "GpuDeviceId");
        FallbackToCpu = Require(environment.GetProperty("FallbackToCpu", typeof(bool)), environment, "FallbackToCpu");
        TryLoadBinaryStream = Require(load.GetMethod("TryLoadBinaryStream", Any, [typeof(string), typeof(Action<BinaryReader>)]), load, "TryLoadBinaryStream");
    }

    public FieldInfo Writer { get; }

    public MethodInfo CheckAtModelOnSave { get; }

    public MethodInfo SetVersionInfo { get; }

    public MethodInfo SaveBinaryStream { get; }

    public FieldInfo Reader { get; }

    public MethodInfo CheckAtModelOnLoad { get; }

    public MethodInfo TryLoadBinaryStream { get; }

    public FieldInfo Header { get; }

    public FieldInfo ModelVerWritten { get; }

    public PropertyInfo GpuDeviceId { get; }

    public PropertyInfo FallbackToCpu { get; }

    public object VersionInfo(ModelSignature s)
        => _versionInfo.Invoke([s.Model, s.Version, s.Version, ModelSignature.FirstVersion, typeof(ModelFormatMembers).Assembly.FullName, s.Loader, null]);

    // instance type, loader type, argument type, signature type, user name, load names
    public Attribute LoadableClass(ModelSignature signature, Type type)
        => (Attribute)Activator.CreateInstance(_loadableClass, type, type, null, _loadModelSignature, signature.Loader, new[] { signature.Loader })!;

    private static Type RequireType(string name) => Core.GetType(name) ?? throw Missing(name);

    private static T Require<T>(T? member, Type type, string name) where T : MemberInfo => member ?? throw Missing($"{type.FullName}.{name}");

    private static NotSupportedException Missing(string name)
        => new($"{Core.GetName().Name} {Core.GetName().Version} has no {name}, which PatchDpo.MLNet needs to save and load models; it was verified with "
            + "Microsoft.ML 5.0.1.");
}
