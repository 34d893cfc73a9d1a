using System.Collections.Immutable;
using System.Reflection.Emit;
using System.Reflection.Metadata;
using System.Reflection.Metadata.Ecma335;
using System.Reflection.PortableExecutable;

namespace PatchDpo.Tests;

/// <summary>Which methods each method of an assembly calls or takes the address of, read from its IL; a method is written "Type::Name(parameters)".</summary>
internal sealed class CompiledCalls : IDisposable
{
    private static readonly Dictionary<int, OpCode> OpCodesByValue = typeof(OpCodes).GetFields().Select(f => (OpCode)f.GetValue(null)!)
        .ToDictionary(o => (int)(ushort)o.Value);

    private readonly PEReader _file;
    private readonly MetadataReader _metadata;
    private readonly SignatureText _text = new();

    public CompiledCalls(string path)
    {
        _file = new PEReader(File.OpenRead(path));
        _metadata = _file.GetMetadataReader();
    }

    /// <summary>Callers and the callees of each, from every method body.</summary>
    public IEnumerable<(string Caller, IReadOnlyList<string> Callees)> Read()
    {
        foreach (MethodDefinitionHandle handle in _metadata.MethodDefinitions)
        {
            MethodDefinition method = _metadata.GetMethodDefinition(handle);
            if (method.RelativeVirtualAddress != 0)
                yield return (Name(handle), Callees(_file.GetMethodBody(method.RelativeVirtualAddress).GetILReader()));
        }
    }

    /// <summary>Base types of the assembly's types.</summary>
    public Dictionary<string, string> ReadBases() => _metadata.TypeDefinitions
        .Select(h => (Type: TypeName(h), _metadata.GetTypeDefinition(h).BaseType))
        .Where(t => !t.BaseType.IsNil).ToDictionary(t => t.Type, t => TypeName(t.BaseType));

    /// <summary>The result types of the assembly's methods; conversions differ by them alone.</summary>
    public ILookup<string, string> ReadResults() => _metadata.MethodDefinitions
        .ToLookup(Name, h => _metadata.GetMethodDefinition(h).DecodeSignature(_text, null).ReturnType);

    public void Dispose() => _file.Dispose();

    private List<string> Callees(BlobReader code)
    {
        var callees = new List<string>();
        while (code.RemainingBytes > 0)
        {
            int value = code.ReadByte();
            if (value == 0xFE)
                value = (value << 8) | code.ReadByte();
            OpCode opCode = OpCodesByValue[value];
            if (opCode.OperandType is OperandType.InlineMethod)
                callees.Add(Name(MetadataTokens.EntityHandle(code.ReadInt32())));
            else
                code.Offset += Size(opCode.OperandType, code);
        }
        return callees;
    }

    private static int Size(OperandType type, BlobReader code) => type switch
    {
        OperandType.InlineNone => 0,
        OperandType.ShortInlineBrTarget or OperandType.ShortInlineI or OperandType.ShortInlineVar => 1,
        OperandType.InlineVar => 2,
        OperandType.InlineI8 or OperandType.InlineR => 8,
        OperandType.InlineSwitch => 4 + (4 * code.ReadInt32()),
        _ => 4,
    };

    private string Name(MethodDefinitionHandle handle) => Name((EntityHandle)handle);

    private string Name(EntityHandle handle)
    {
        switch (handle.Kind)
        {
            case HandleKind.MethodSpecification:
                return Name(_metadata.GetMethodSpecification((MethodSpecificationHandle)handle).Method);
            case HandleKind.MethodDefinition:
                MethodDefinition method = _metadata.GetMethodDefinition((MethodDefinitionHandle)handle);
                return Name(method.GetDeclaringType(), method.Name, method.DecodeSignature(_text, null));
            default:
                MemberReference member = _metadata.GetMemberReference((MemberReferenceHandle)handle);
                return Name(member.Parent, member.Name, member.DecodeMethodSignature(_text, null));
        }
    }

    private string Name(EntityHandle type, StringHandle name, MethodSignature<string> signature)
        => $"{TypeName(type)}::{_metadata.GetString(name)}({string.Join(',', signature.ParameterTypes)})";

    private string TypeName(EntityHandle handle) => handle.Kind switch
    {
        HandleKind.TypeDefinition => _text.GetTypeFromDefinition(_metadata, (TypeDefinitionHandle)handle, 0),
        HandleKind.TypeReference => _text.GetTypeFromReference(_metadata, (TypeReferenceHandle)handle, 0),
        HandleKind.TypeSpecification => _metadata.GetTypeSpecification((TypeSpecificationHandle)handle).DecodeSignature(_text, null),
        HandleKind.MethodDefinition => TypeName(_metadata.GetMethodDefinition((MethodDefinitionHandle)handle).GetDeclaringType()),
        _ => handle.Kind.ToString(),
    };

    // Generic arguments are left out: a method of a generic type is one method.
    private sealed class SignatureText : ISignatureTypeProvider<string, object?>
    {
        public string GetArrayType(string elementType, ArrayShape shape) => elementType + "[,]";

        public string GetByReferenceType(string elementType) => elementType + "&";

        public string GetFunctionPointerType(MethodSignature<string> signature) => "method*";

        public string GetGenericInstantiation(string genericType, ImmutableArray<string> typeArguments)
            => genericType == "System.Nullable`1" ? typeArguments[0] + "?" : genericType;

        public string GetGenericMethodParameter(object? genericContext, int index) => "!!" + index;

        public string GetGenericTypeParameter(object? genericContext, int index) => "!" + index;

        public string GetModifiedType(string modifier, string unmodifiedType, bool isRequired) => unmodifiedType;

        public string GetPinnedType(string elementType) => elementType;

        public string GetPointerType(string elementType) => elementType + "*";

        public string GetPrimitiveType(PrimitiveTypeCode typeCode) => typeCode.ToString();

        public string GetSZArrayType(string elementType) => elementType + "[]";

        public string GetTypeFromDefinition(MetadataReader reader, TypeDefinitionHandle handle, byte rawTypeKind)
        {
            TypeDefinition type = reader.GetTypeDefinition(handle);
            return Qualified(type.GetDeclaringType() is { IsNil: false } outer ? GetTypeFromDefinition(reader, outer, 0) + "+"
                : Prefix(reader, type.Namespace), reader, type.Name);
        }

        public string GetTypeFromReference(MetadataReader reader, TypeReferenceHandle handle, byte rawTypeKind)
        {
            TypeReference type = reader.GetTypeReference(handle);
            return Qualified(type.ResolutionScope.Kind == HandleKind.TypeReference
                ? GetTypeFromReference(reader, (TypeReferenceHandle)type.ResolutionScope, 0) + "+" : Prefix(reader, type.Namespace), reader, type.Name);
        }

        public string GetTypeFromSpecification(MetadataReader reader, object? genericContext, TypeSpecificationHandle handle, byte rawTypeKind)
            => reader.GetTypeSpecification(handle).DecodeSignature(this, genericContext);

        private static string Prefix(MetadataReader reader, StringHandle name) => reader.GetString(name) is { Length: > 0 } text ? text + "." : "";

        private static string Qualified(string prefix, MetadataReader reader, StringHandle name) => prefix + reader.GetString(name);
    }
}
