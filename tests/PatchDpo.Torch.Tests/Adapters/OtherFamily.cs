using PatchDpo.Torch.Adapters;
using PatchDpo.Torch.Diffusion;
using PatchDpo.Torch.Diffusion.UNet;
using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Images;
using PatchDpo.Torch.Weights;
using PatchDpo.Torch.Weights.Safetensors;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Tests.Adapters;

/// <summary>
/// A family that does what IP-Adapter does not: references change the text, an image prompt is two tensors, and the text's own values are replaced. Of
/// its two weights one is trained.
/// </summary>
internal sealed class OtherFamily : AdapterFamily
{
    public const string Key = "other_family.trained", FrozenKey = "other_family.frozen";

    private static readonly Lazy<bool> Registered = new(() =>
    {
        AdapterFamilies.Register(new OtherFamily());
        return true;
    });

    /// <summary>Writes an adapter for a model, and makes its family known.</summary>
    public static string WriteFile(string folder, int width)
    {
        _ = Registered.Value;
        string path = Path.Combine(folder, "other.safetensors");
        using Tensor trained = ones(width), frozen = ones(width);
        SafetensorsWriter.Write(path, new Dictionary<string, Tensor> { [Key] = trained, [FrozenKey] = frozen });
        return path;
    }

    public override string Name => "other";

    public override bool Recognizes(ITensorFile file) => file.Contains(Key);

    public override void Check(string path, UNetConfig unet)
    {
    }

    public override Adapter Read(string path, AdapterHost host)
    {
        using SafetensorsFile file = SafetensorsFile.Open(path);
        Layers layers = new(file.Read(Key), file.Read(FrozenKey));
        return new Adapter(new Encoder((int)file.Shape(Key)[0]), layers.Frozen());
    }

    public override void Write(string path, Adapter adapter) => AtomicFile.Write(path, stream => Write(stream, adapter));

    public override void Write(Stream stream, Adapter adapter)
        => SafetensorsWriter.Write(stream, adapter.Layers.state_dict().ToDictionary(t => "other_family." + t.Key, t => t.Value));

    /// <summary>From an image to its mean colour, which is added to the text, and to its size.</summary>
    internal sealed class Encoder(int width) : ImagePromptEncoder
    {
        public override bool ChangesText => true;

        public override string? WhyUnsuitable(string prompt, IReadOnlyList<ReferenceImage> references, ReferenceFusion fusion)
            => references.Any(r => r.Name == "nothing") ? "nothing has no picture." : null;

        public override IEnumerable<string> Warnings(string prompt, IReadOnlyList<ReferenceImage> references, ReferenceFusion fusion)
            => references.Where(r => r.Name is string name && !prompt.Contains(name, StringComparison.Ordinal)).Select(r => $"there is no '{r.Name}'.");

        public override ImagePrompt Encode(IReadOnlyList<ReferenceImage> references) => new(new Dictionary<string, Tensor>
        {
            ["colour"] = tensor([.. references.Select(r => (float)r.Image.Pixels.Average(p => p / 255.0))]).unsqueeze(1),
            ["size"] = tensor([.. references.Select(r => (float)r.Image.Width)]).unsqueeze(1),
        });

        public override ImagePrompt EncodeDropped(int batch) => new(new Dictionary<string,
            Tensor> { ["colour"] = zeros(batch, 1), ["size"] = zeros(batch, 1) });

        public override string? WhyNotTogether(IEnumerable<int> counts, ReferenceFusion fusion) => null;

        public override ImagePrompt Fuse(ImagePrompt? references, IReadOnlyList<int> counts, ImagePrompt? dropped, ReferenceFusion fusion)
        {
            long start = 0;
            return ImagePrompt.Concat([.. counts.Select(count =>
            {
                ImagePrompt row = count == 0 ? dropped! : references!.Map(t => t.narrow(0, start, count).mean([0], keepdim: true));
                start += count;
                return row;
            })]);
        }

        // The prompt's length reaches the layers.
        public override ImagePrompt Locate(ImagePrompt image, IReadOnlyList<string> prompts) => new(new Dictionary<string, Tensor>
        {
            ["colour"] = image["colour"],
            ["size"] = image["size"],
            ["length"] = tensor([.. prompts.Select(p => (float)p.Length)]).unsqueeze(1),
        });

        public override ImagePrompt Unconditional(ImagePrompt prompt, ImagePrompt dropped) => new(prompt.Names.Select(
            n => KeyValuePair.Create(n, n == "length" ? prompt[n] : dropped[n].expand(prompt.Rows, -1))));

        public override TextConditions EncodeText(ITextConditioning text, IReadOnlyList<string> prompts, ImagePrompt? image)
        {
            using DisposeScope scope = NewDisposeScope();
            TextConditions plain = text.Encode(prompts);
            Tensor states = plain.HiddenStates + image!["colour"].unsqueeze(2);
            Assert.Equal(width, states.shape[2]);
            return new TextConditions(states.MoveToOuterDisposeScope(), plain.Pooled?.MoveToOuterDisposeScope());
        }

        public override void Dispose()
        {
        }
    }

    internal sealed class Layers : AdapterLayers
    {
        private readonly Parameter trained;
        private readonly Parameter frozen;

        public Layers(Tensor trained, Tensor frozen) : base(nameof(Layers))
        {
            this.trained = new Parameter(trained);
            this.frozen = new Parameter(frozen);
            RegisterComponents();
            this.DetachFromDisposeScope();
        }

        internal override IEnumerable<Parameter> TrainedParameters => [trained];

        public override AdapterLayers Clone(ScalarType? dtype = null)
        {
            using IDisposable noGrad = no_grad();
            return new Layers(trained.to(dtype ?? trained.dtype, copy: true), frozen.to(dtype ?? frozen.dtype, copy: true));
        }

        internal override bool Fits(AdapterLayers other) => other is Layers;

        internal override IImagePromptBranch Branch(ImagePrompt prompt, BranchSettings settings) 
        {
            Branches.Add((settings, [], prompt.Names.Contains("length") ? prompt["length"].data<float>().ToArray() : []));
            return new ReplacedValues(this, prompt, settings.Scale, Branches[^1].Passes);
        }

        /// <summary>The branches that were made, with the number of rows of each pass.</summary>
        public List<(BranchSettings Settings, List<long> Passes, float[] Lengths)> Branches { get; } = [];

        private sealed record ReplacedValues(Layers Owner, ImagePrompt Prompt, double Scale, List<long> Passes) : IImagePromptBranch, IDisposable
        {
            public void Check(long batch)
            {
                Passes.Add(batch);
                Assert.Equal(batch, Prompt.Rows);
            }

            public void Dispose() => Passes.Add(0);

            public Tensor Attend(CrossAttentionCall layer)
            {
                Tensor scaled = layer.Text * Owner.trained * Owner.frozen * (1 + (Scale * Prompt["size"].unsqueeze(2) / 100));
                return layer.Attend(layer.TextKey, layer.ProjectValue(scaled));
            }
        }
    }
}
