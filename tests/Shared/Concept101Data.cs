using System.Text.Json;

namespace PatchDpo.Tests;

/// <summary>A data set of our own in Concept101's layout: two combinations of four objects, two prompts each.</summary>
internal static class Concept101Data
{
    public static readonly string[] Templates = ["a photo of {0} with {1}.", "{1} behind a {0} "];

    public static readonly (string Name, string Concept, int Photos)[] Objects = [("dog", "toy_dog", 3), ("sun hat", "hat1", 1), ("lamp", "lamp2", 2)];

    /// <summary>Which objects each combination has.</summary>
    public static readonly int[][] Combinations = [[0, 1], [2, 0]];

    /// <summary>Writes it; <paramref name="photo"/> writes the photo of an object and its number.</summary>
    public static string Write(string folder, Action<string, int, int> photo)
    {
        Directory.CreateDirectory(Path.Combine(folder, "prompts"));
        File.WriteAllText(Path.Combine(folder, "prompts", "things.txt"), string.Join('\n', Templates) + "\n");
        File.WriteAllText(Path.Combine(folder, "dataset_multiconcept.json"), JsonSerializer.Serialize(Combinations.Select(c => c.Select(o => (object)new
        {
            instance_prompt = "photo of a <new1> thing",
            class_prompt = Objects[o].Name,
            instance_data_dir = "./benchmark_dataset/" + Objects[o].Concept,
        }).Append(new { prompt_filename_compose = "./prompts/things.txt" }))));
        for (int o = 0; o < Objects.Length; o++)
        {
            string photos = Directory.CreateDirectory(Path.Combine(folder, "benchmark_dataset", Objects[o].Concept)).FullName;
            for (int i = 0; i < Objects[o].Photos; i++)
                photo(Path.Combine(photos, $"{i}.png"), o, i);
        }
        return folder;
    }

    /// <summary>The place of a generation in its folder.</summary>
    public static string Generation(int combination, int prompt)
        => Path.Combine($"comb_{combination}", Templates[prompt].Replace("{0}", Objects[Combinations[combination][0]].Name, StringComparison.Ordinal)
            .Replace("{1}", Objects[Combinations[combination][1]].Name, StringComparison.Ordinal) + "_gen.png");
}
