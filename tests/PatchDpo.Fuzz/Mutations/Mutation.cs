namespace PatchDpo.Fuzz.Mutations;

/// <summary>Makes new bytes of a file's; the partner is another file of the corpus to take pieces from.</summary>
internal delegate byte[] Mutation(byte[] bytes, byte[] partner, Random random);
