using ProceduralCharacters;

namespace TrainEmbeddedModels;

/// <summary>The words that the small vocabulary holds whole: the prompts' and common English ones.</summary>
internal static class TokenizerWords
{
    private const string Common =
        "the of and to in is you that it he was for on are as with his they I at be this have from or one had by word but not what all were we " +
        "when your can said there use an each which she do how their if will up other about out many then them these so some her would make like " +
        "him into time has look two more write go see number no way could people my than first water been call who oil its now find long down day " +
        "did get come made may part over new sound take only little work know place year live me back give most very after thing our just name " +
        "good sentence man think say great where help through much before line right too mean old any same tell boy follow came want show also " +
        "around form three small set put end does another well large must big even such because turn here why ask went men read need land " +
        "different home us move try kind hand picture again change off play spell air away animal house point page letter mother answer found " +
        "study still learn should world high every near add food between own below country plant last school father keep tree never start city " +
        "earth eye light thought head under story saw left few while along might close something seem next hard open example begin life always " +
        "those both paper together got group often run photo image painting drawing cute tiny huge round square bright dark colorful orange pink " +
        "brown black gray gold silver sky sun moon star cloud rain river sea ocean mountain forest garden street road bridge castle tower dog horse " +
        "rabbit mouse bear duck frog bee flower apple ball box book chair table cup toy doll bag shirt coat scarf shoe glasses crown umbrella boat " +
        "train plane truck bike sitting standing running flying sleeping floating looking top bottom front behind beside inside outside background";

    /// <summary>Words with how often they count in learning merges.</summary>
    public static IReadOnlyDictionary<string, int> Counted()
    {
        var counts = new Dictionary<string, int>();
        foreach (string word in Common.ToLowerInvariant().Split(' '))
            counts[word] = counts.GetValueOrDefault(word) + 1;
        for (int i = 0; i < 2000; i++)
        {
            string text = Prompt.Random((CharacterKind)(i % 6), i).Text + " " + Prompt.SceneText((Scene)(i % 9));
            foreach (string word in text.Replace(",", "", StringComparison.Ordinal).Split(' '))
                counts[word] = counts.GetValueOrDefault(word) + 1;
        }

        return counts;
    }
}
