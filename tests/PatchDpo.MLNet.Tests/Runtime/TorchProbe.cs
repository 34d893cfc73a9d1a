using System.Reflection;
using System.Runtime.CompilerServices;
using Microsoft.ML;
using PatchDpo.Torch.Clip;
using PatchDpo.Torch.Encoders;
using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Images;
using PatchDpo.Torch.Models;
using PatchDpo.Torch.PatchQuality;
using PatchDpo.Torch.Personalization;
using PatchDpo.Torch.Weights.Safetensors;
using TorchSharp;

namespace PatchDpo.MLNet.Tests.Runtime;

/// <summary>What a process of its own does to show whether libtorch loads, and what happens where it does not.</summary>
internal static class TorchProbe
{
    public const string Compute = "--compute";
    public const string CallEverything = "--call-everything";

    /// <summary>Computes something, and prints the result and every mapped file of TorchSharp's library.</summary>
    public static int RunComputation()
    {
        TorchRuntime.Initialize();
        using DisposeScope scope = torch.NewDisposeScope();
        Console.WriteLine(torch.tensor(new[] { 1f, 2f, 3f }).sum().item<float>());
        foreach (string line in File.ReadLines("/proc/self/maps").Where(l => l.Contains("LibTorchSharp", StringComparison.Ordinal))
            .Select(l => l[l.IndexOf('/')..]).Distinct())
            Console.WriteLine(line);
        return 0;
    }

    /// <summary>Calls what the library offers, in a process where libtorch does not load; prints each call that failed otherwise than it should.</summary>
    public static int RunCalls()
    {
        int calls = 0, refused = 0;
        foreach ((string name, Action call) in Loading())
        {
            calls++;
            Exception? e = Failure(call);
            refused += e is TorchLoadException ? 1 : 0;
            if (e is not TorchLoadException)
                Console.WriteLine($"{name}: {Describe(e)}");
        }
        Type[] types = [.. new[] { typeof(TorchRuntime).Assembly, typeof(PatchDpoCatalog).Assembly }.SelectMany(a => a.GetExportedTypes())
            .Where(t => !t.ContainsGenericParameters)];
        foreach (MethodBase member in types.SelectMany(Members))
        {
            if (Failure(() => Invoke(member)) is not Exception e || e is ArgumentException { ParamName: Unmade })
                continue;
            calls++;
            refused += e is TorchLoadException ? 1 : 0;
            for (Exception? inner = e is TorchLoadException ? null : e; inner is not null; inner = inner.InnerException)
                if (inner is TypeInitializationException or DllNotFoundException or TorchLoadException or BadImageFormatException)
                    Console.WriteLine($"{member.DeclaringType!.Name}.{member}: {Describe(e)}");
        }
        Console.Error.WriteLine($"{calls} calls, {refused} refused");
        return refused > 20 ? 0 : 1;
    }

    private const string Unmade = "cannot be made here";

    /// <summary>What users begin with, with arguments for which it works elsewhere.</summary>
    private static IEnumerable<(string Name, Action Call)> Loading()
    {
        var ml = new MLContext(1);
        var image = new ImageBuffer(64, 64, 3, new byte[64 * 64 * 3]);
        string weights = Directory.GetFiles(EmbeddedModels.PatchEncoder, "*.safetensors")[0];
        yield return ("Initialize", TorchRuntime.Initialize);
        yield return ("ResolveDevice", () => TorchRuntime.ResolveDevice(null, true));
        yield return ("PersonalizedModel.LoadEmbedded", () => PersonalizedModel.LoadEmbedded());
        yield return ("PatchEncoder.LoadEmbedded", () => PatchEncoder.LoadEmbedded());
        yield return ("PatchEncoder.FromFile", () => PatchEncoder.FromFile(weights));
        yield return ("ClipModel.FromFolder", () => ClipModel.FromFolder(EmbeddedModels.EvaluationClip));
        yield return ("SafetensorsFile.Read", () => Read(weights));
        yield return ("SafetensorsFile.Open mapped", () => SafetensorsFile.Open(weights, new SafetensorsOptions { MemoryMap = true }));
        yield return ("ImageTensors.FromImage", () => ImageTensors.FromImage(image, PixelNormalization.Clip));
        yield return ("ClipPreprocessor.Preprocess", () => new ClipPreprocessor().Preprocess(image));
        yield return ("DinoPreprocessor.Preprocess", () => new DinoPreprocessor().Preprocess(image));
        yield return ("DiffusionPreprocessor.Preprocess", () => new DiffusionPreprocessor(64).Preprocess(image));
        yield return ("QualityMap.ToTensor", () => new QualityMap(1, 1, [1f]).ToTensor());
        yield return ("LoadEmbeddedModel", () => ml.PatchDpo.LoadEmbeddedModel());
        IDataView rows = Support.TestImages.Rows(ml, 1);
        yield return ("EmbedImages", () => ml.PatchDpo.EmbedImages("E", ImageEncoder.Embedded, "Image").Fit(rows));
        yield return ("EmbedText", () => ml.PatchDpo.EmbedText("E", TextEncoder.Embedded, "Prompt").Fit(rows));
        yield return ("ScorePatchQuality", () => ml.PatchDpo.ScorePatchQuality("Image", "Image", ImageEncoder.Embedded).Fit(rows));
        yield return ("Trainers.PatchEncoder", () => ml.PatchDpo.Trainers.PatchEncoder(ImageEncoder.Embedded).Fit(rows));
    }

    private static void Read(string path)
    {
        using SafetensorsFile file = SafetensorsFile.Open(path);
        file.Read(file.Keys[0]);
    }

    private static IEnumerable<MethodBase> Members(Type type) =>
    [
        .. type.IsAbstract ? [] : type.GetConstructors(),
        .. type.GetMethods(BindingFlags.Public | BindingFlags.Static | BindingFlags.Instance | BindingFlags.DeclaredOnly)
            .Where(m => !m.ContainsGenericParameters && !m.IsAbstract),
    ];

    private static object? Invoke(MethodBase member)
    {
        object?[] arguments = [.. member.GetParameters().Select(p => p.HasDefaultValue ? p.DefaultValue : Make(p.ParameterType, 3))];
        return member switch
        {
            ConstructorInfo constructor => constructor.Invoke(BindingFlags.DoNotWrapExceptions, null, arguments, null),
            _ => member.Invoke(member.IsStatic ? null : Make(member.DeclaringType!, 3), BindingFlags.DoNotWrapExceptions, null, arguments, null),
        };
    }

    /// <summary>A value of a type, of the simplest constructor that has arguments for it.</summary>
    private static object? Make(Type type, int depth)
    {
        if (type == typeof(string))
            return EmbeddedModels.PatchEncoder;
        if (type == typeof(int) || type == typeof(long) || type == typeof(double) || type == typeof(float))
            return Convert.ChangeType(1, type, null);
        if (type == typeof(ImageBuffer))
            return new ImageBuffer(8, 8, 3, new byte[8 * 8 * 3]);
        if (type == typeof(QualityMap))
            return new QualityMap(1, 1, [1f]);
        if (type.IsValueType && !type.IsByRefLike)
            return RuntimeHelpers.GetUninitializedObject(type);
        if (type.IsArray)
            return Array.CreateInstance(type.GetElementType()!, 0);
        if (type.IsGenericType && type.GetGenericArguments() is [Type element] && type.IsAssignableFrom(element.MakeArrayType()))
            return Array.CreateInstance(element, 0);
        if (type.Assembly == typeof(torch).Assembly || depth == 0)
            return NotMade(type);
        Type? made = type.IsInterface || type.IsAbstract
            ? type.Assembly.GetExportedTypes().FirstOrDefault(t => !t.IsAbstract && !t.ContainsGenericParameters && type.IsAssignableFrom(t))
            : type;
        ConstructorInfo? constructor = made?.GetConstructors().MinBy(c => c.GetParameters().Length);
        return constructor is null
            ? NotMade(type)
            : constructor.Invoke(BindingFlags.DoNotWrapExceptions, null,
                [.. constructor.GetParameters().Select(p => p.HasDefaultValue ? p.DefaultValue : Make(p.ParameterType, depth - 1))], null);
    }

    private static object? NotMade(Type type) => throw new ArgumentException(type.Name, Unmade);

    private static Exception? Failure(Action call)
    {
        try
        {
            call();
            return null;
        }
        catch (Exception e)
        {
            return e;
        }
    }

    private static string Describe(Exception? e) => e is null ? "no exception"
        : $"{e.GetType().Name}: {e.Message.Split('\n')[0]} at {e.StackTrace?.Split('\n').FirstOrDefault(l => l.Contains("PatchDpo", StringComparison.Ordinal))?.Trim()}";
}
