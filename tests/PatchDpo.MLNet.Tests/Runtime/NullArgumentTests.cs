using System.Reflection;
using System.Runtime.CompilerServices;
using System.Text;
using Microsoft.ML;
using PatchDpo.Tests;
using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Images;
using PatchDpo.Torch.PatchQuality;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.MLNet.Tests.Runtime;

/// <summary>Null in the place of an argument is told by the name that the caller sees, also where it is passed on to something with other names.</summary>
public sealed class NullArgumentTests : IClassFixture<TinyModels>
{
    private readonly MLContext _ml = new(1);
    private readonly TinyModels _models;
    private readonly DisposableObjects _objects;

    public NullArgumentTests(TinyModels models)
    {
        _models = models;
        _objects = new DisposableObjects(models, _ml);
    }

    [Fact]
    public void Null_is_told_by_a_name_that_the_caller_sees()
    {
        StringBuilder faults = new();
        int told = 0;
        using DisposeScope scope = NewDisposeScope();
        foreach (Type type in new[] { typeof(TorchRuntime).Assembly, typeof(PatchDpoCatalog).Assembly }.SelectMany(a => a.GetExportedTypes())
            .Where(t => !t.ContainsGenericParameters && !typeof(Delegate).IsAssignableFrom(t) && !t.IsInterface && !t.IsSubclassOf(typeof(Exception))))
        {
            object? made = Instance(type);
            IEnumerable<MethodBase> methods = type.GetMethods(BindingFlags.Public | BindingFlags.Static | BindingFlags.Instance | BindingFlags.DeclaredOnly)
                .Where(m => !m.IsGenericMethodDefinition && m.GetCustomAttribute<CompilerGeneratedAttribute>() is null && (m.IsStatic || made is not null));
            // A span cannot be handed over so.
            foreach (MethodBase method in methods.Concat(type.IsAbstract ? [] : type.GetConstructors())
                .Where(m => m.GetParameters().All(p => !p.ParameterType.IsByRefLike)))
                foreach (ParameterInfo parameter in method.GetParameters().Where(IsNeeded))
                {
                    object?[] arguments = [.. method.GetParameters().Select(p => p == parameter ? null : Dummy(p))];
                    Exception? e = Record.Exception(() => method is ConstructorInfo constructor ? constructor.Invoke(BindingFlags.DoNotWrapExceptions, null,
                        arguments, null) : method.Invoke(made, BindingFlags.DoNotWrapExceptions, null, arguments, null));
                    if (e is ArgumentNullException { ParamName: string name } && IsSeen(method, name))
                        told++;
                    else if (e is ArgumentNullException or NullReferenceException)
                        faults.AppendLine($"{type.FullName}.{method.Name}: null for '{parameter.Name}' is told as {e.GetType().Name} of "
                            + $"'{(e as ArgumentNullException)?.ParamName}'");
                }
            // One that took null where it may not says so here at the latest.
            Record.Exception(() => (made as IDisposable)?.Dispose());
        }
        Assert.True(told > 250, $"Only {told} were told.");
        Assert.True(faults.Length == 0, faults.ToString());
    }

    // A property is known by its name.
    private static bool IsSeen(MethodBase method, string name)
        => method.GetParameters().Any(p => p.Name == name) || (method.IsSpecialName && method.Name.EndsWith($"_{name}", StringComparison.Ordinal));

    private static bool IsNeeded(ParameterInfo parameter)
        => !parameter.ParameterType.IsValueType && !parameter.ParameterType.IsByRef
            && new NullabilityInfoContext().Create(parameter).WriteState == NullabilityState.NotNull;

    private object? Instance(Type type)
    {
        if (type.IsAbstract)
            return null;
        if (type == typeof(PatchDpoCatalog))
            return _ml.PatchDpo;
        if (type == typeof(PatchDpoTrainersCatalog))
            return _ml.PatchDpo.Trainers;
        return typeof(IDisposable).IsAssignableFrom(type) ? _objects.Make(type) : Made(type);
    }

    // The first constructor that takes what there is.
    private object? Made(Type type)
    {
        foreach (ConstructorInfo constructor in type.GetConstructors())
        {
            object?[] arguments = [.. constructor.GetParameters().Select(Dummy)];
            if (Record.Exception(() => constructor.Invoke(arguments)) is null)
                return constructor.Invoke(arguments);
        }
        return null;
    }

    private object? Dummy(ParameterInfo parameter)
    {
        Type type = parameter.ParameterType;
        return type == typeof(string) ? Path.Combine(_models.Root, "nowhere", "file")
            : type == typeof(ImageBuffer) ? new ImageBuffer(8, 8, 3, new byte[192])
            : type == typeof(QualityMap) ? new QualityMap(1, 1, [0.5f])
            : type == typeof(Stream) ? new MemoryStream()
            : type.IsArray ? Array.CreateInstance(type.GetElementType()!, 0)
            : type.IsGenericType && type.GetGenericArguments() is [Type element] && type.IsAssignableFrom(element.MakeArrayType())
                ? Array.CreateInstance(element, 0)
            : _objects.Argument(parameter) ?? (type.GetConstructor(Type.EmptyTypes) is ConstructorInfo plain && !type.IsAbstract ? plain.Invoke([]) : null);
    }
}
