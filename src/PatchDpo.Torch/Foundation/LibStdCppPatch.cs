using System.Buffers.Binary;
using System.Text;

namespace PatchDpo.Torch.Foundation;

/// <summary>Rewrites, in the bytes of an ELF library, its one need of libstdc++ 3.4.32 into what every older libstdc++ has.</summary>
/// <remarks>
/// <c>std::ios_base_library_init()</c> (GLIBCXX_3.4.32) became the way to initialise iostreams in GCC 13; older compilers
/// called <c>std::ios_base::Init::Init()</c> (GLIBCXX_3.4) for it, which does not use its <c>this</c>. Three fields change:
/// in .gnu.version_r the hash and the name offset of the entry GLIBCXX_3.4.32, and in .dynstr the symbol's name.
/// </remarks>
internal static class LibStdCppPatch
{
    private const string NewVersion = "GLIBCXX_3.4.32";
    private const string OldVersion = "GLIBCXX_3.4";
    private const string NewSymbol = "_ZSt21ios_base_library_initv";
    private const string OldSymbol = "_ZNSt8ios_base4InitC1Ev";
    private const uint SectionGnuVerNeed = 0x6ffffffe;

    /// <summary>Patches a 64-bit little-endian ELF image in place.</summary>
    /// <exception cref="InvalidDataException">The image is not such a library, or lacks the entries to change.</exception>
    public static void Patch(byte[] elf)
    {
        try
        {
            (int needOffset, int needStrings) = FindVersionNeeds(elf);
            RewriteVersionNeed(elf, needOffset, needStrings);
            int symbol = elf.AsSpan(needStrings).IndexOf(Encoding.ASCII.GetBytes(NewSymbol + "\0"));
            if (symbol < 0)
                throw new InvalidDataException($"the symbol {NewSymbol} is not in its dynamic string table.");
            Span<byte> name = elf.AsSpan(needStrings + symbol, NewSymbol.Length);
            name.Clear();
            Encoding.ASCII.GetBytes(OldSymbol, name);
        }
        catch (Exception e) when (e is ArgumentException or IndexOutOfRangeException or OverflowException)
        {
            throw new InvalidDataException("the library is not a well-formed 64-bit little-endian ELF file.", e);
        }
    }

    /// <summary>File offsets of .gnu.version_r and of the string table that it links to.</summary>
    private static (int Needs, int Strings) FindVersionNeeds(byte[] elf)
    {
        if (elf.Length < 64 || !elf.AsSpan(0, 6).SequenceEqual("\u007fELF\u0002\u0001"u8))
            throw new InvalidDataException("the library is not a 64-bit little-endian ELF file.");
        long table = BinaryPrimitives.ReadInt64LittleEndian(elf.AsSpan(0x28));
        int size = U16(elf, 0x3A), count = U16(elf, 0x3C);
        for (int i = 0; i < count; i++)
        {
            int header = checked((int)(table + ((long)i * size)));
            if (U32(elf, header + 4) != SectionGnuVerNeed)
                continue;
            int strings = checked((int)(table + ((long)U32(elf, header + 0x28) * size)));
            return (SectionOffset(elf, header), SectionOffset(elf, strings));
        }
        throw new InvalidDataException("the library has no .gnu.version_r section.");
    }

    private static void RewriteVersionNeed(byte[] elf, int needs, int strings)
    {
        for (int need = needs; ;)
        {
            int newEntry = -1, oldEntry = -1;
            int entry = need + (int)U32(elf, need + 8);
            for (int i = U16(elf, need + 2); i > 0; i--)
            {
                string version = CString(elf, strings + (int)U32(elf, entry + 8));
                if (version == NewVersion)
                    newEntry = entry;
                else if (version == OldVersion)
                    oldEntry = entry;
                entry += (int)U32(elf, entry + 12);
            }
            if (newEntry >= 0 && oldEntry >= 0)
            {
                elf.AsSpan(oldEntry, 4).CopyTo(elf.AsSpan(newEntry));             // vna_hash
                elf.AsSpan(oldEntry + 8, 4).CopyTo(elf.AsSpan(newEntry + 8));     // vna_name
                return;
            }
            uint next = U32(elf, need + 12);
            if (next == 0)
                throw new InvalidDataException($"the library does not need both {OldVersion} and {NewVersion} of one library.");
            need += (int)next;
        }
    }

    private static int SectionOffset(byte[] elf, int header) => checked((int)BinaryPrimitives.ReadInt64LittleEndian(elf.AsSpan(header + 0x18)));

    private static ushort U16(byte[] elf, int offset) => BinaryPrimitives.ReadUInt16LittleEndian(elf.AsSpan(offset));

    private static uint U32(byte[] elf, int offset) => BinaryPrimitives.ReadUInt32LittleEndian(elf.AsSpan(offset));

    private static string CString(byte[] elf, int offset)
    {
        ReadOnlySpan<byte> tail = elf.AsSpan(offset);
        return Encoding.ASCII.GetString(tail[..tail.IndexOf((byte)0)]);
    }
}
