using PatchDpo.Torch.Clip;
using PatchDpo.Torch.Images;
using PatchDpo.Torch.Loop;
using ProceduralCharacters;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TrainEmbeddedModels;

/// <summary>Trains the evaluation's CLIP on scenes and prompts; prompts that differ in one thing are hard negatives.</summary>
internal static class ClipStage
{
    private const int Batch = 48;
    private const int PoolSize = 8000;
    private const int FullSteps = 2000;
    // Of telling which reference a scene shows: captions say little of who it is, and CLIP-I should.
    private const double SubjectWeight = 0.5;
    private const int TextWidth = 64;
    private const int ImageWidth = 96;
    private const int Embedding = 64;

    public static void Run(TrainingContext context)
    {
        random.manual_seed(context.Seed + 30);
        ClipTokenizer tokenizer = ClipTokenizer.FromFolder(context.OutputFolder("eval_clip"));
        int vocabulary = tokenizer.VocabularySize;
        using var model = new ClipModel(TextConfig(vocabulary), VisionConfig, tokenizer);
        using CaptionedPool pool = CaptionedPool.Draw(tokenizer, PoolSize, 7_000_000, described: true);
        var order = new RowOrder(PoolSize, new TrainingDraws(context.Seed + 30));
        using Tensor labels = arange(Batch);
        new StageTraining("clip", context.Steps(FullSteps), 1e-3, EmaDecay: 0.99, Every: 200).Run(context, [model], Loss);
        Report(context, model);
        TrainingContext.WriteModel(context.OutputFolder("eval_clip"), "model.safetensors", Json(vocabulary), model);

        Tensor Loss(int step)
        {
            Tensor index = tensor(order.At((step - 1L) * Batch, Batch));
            Tensor Images(Tensor bytes)
                => functional.normalize(model.VisionEncoder.call(PixelPool.Normalize(bytes.index_select(0, index), PixelNormalization.Clip)
                .to(ScalarType.BFloat16)).ImageEmbeds!.to(ScalarType.Float32), dim: -1);
            Tensor ids = cat([pool.Texts.index_select(0, index), pool.ChangedTexts.index_select(0, index)]);
            Tensor texts = functional.normalize(model.TextEncoder.call(ids).TextEmbeds!.to(ScalarType.Float32), dim: -1);
            Tensor image = Images(pool.Images);
            Tensor scale = model.LogitScale.to(ScalarType.Float32).exp();
            Tensor logits = scale * image.matmul(texts.t());
            Tensor ofSubject = scale * image.matmul(Images(pool.References).t());
            return functional.cross_entropy(logits, labels) + functional.cross_entropy(logits[.., ..Batch].t(), labels)
                + SubjectWeight * functional.cross_entropy(ofSubject, labels);
        }
    }

    private static void Report(TrainingContext context, ClipModel model)
    {
        const int Held = 256;
        using IDisposable noGrad = no_grad();
        using DisposeScope scope = NewDisposeScope();
        using CaptionedPool pool = CaptionedPool.Draw(model.Tokenizer, Held, 9_200_000, described: false);
        Tensor Images(Tensor bytes) => functional.normalize(model.EncodeImages(PixelPool.Normalize(bytes, PixelNormalization.Clip)), dim: -1);
        Tensor image = Images(pool.Images);
        Tensor text = functional.normalize(model.EncodeTexts(pool.Texts), dim: -1);
        Tensor changed = functional.normalize(model.EncodeTexts(pool.ChangedTexts), dim: -1);
        Tensor subject = image.matmul(Images(pool.References).t());
        double found = subject.argmax(1).eq(arange(Held)).to(ScalarType.Float32).mean().item<float>();
        Tensor similarity = image.matmul(text.t());
        double retrieval = similarity.argmax(1).eq(arange(Held)).to(ScalarType.Float32).mean().item<float>();
        Tensor own = similarity.diagonal();
        Tensor other = (image * changed).sum(1);
        double ranked = own.gt(other).to(ScalarType.Float32).mean().item<float>();
        context.Log($"clip: held out: prompt found among {Held} by its image {retrieval:P1}; prompt above one with one change {ranked:P1}; cosine {own.mean().item<float>():F3} against {other.mean().item<float>():F3}; reference found by its scene {found:P1}, cosine {subject.diagonal().mean().item<float>():F3}");
    }

    private static ClipVisionConfig VisionConfig => new()
    {
        HiddenSize = ImageWidth,
        NumLayers = 4,
        NumHeads = 3,
        IntermediateSize = 2 * ImageWidth,
        Activation = ClipActivation.Gelu,
        ProjectionDim = Embedding,
        ImageSize = CharacterRenderer.Size,
        PatchSize = 8,
    };

    private static ClipTextConfig TextConfig(int vocabulary) => new()
    {
        HiddenSize = TextWidth,
        NumLayers = 3,
        NumHeads = 2,
        IntermediateSize = 2 * TextWidth,
        Activation = ClipActivation.Gelu,
        ProjectionDim = Embedding,
        VocabularySize = vocabulary,
        MaxPositions = TokenizerStage.MaxLength,
        EosTokenId = vocabulary - 1,
    };

    private static object Json(int vocabulary) => new
    {
        architectures = new[] { "CLIPModel" },
        logit_scale_init_value = 2.6592,
        model_type = "clip",
        projection_dim = Embedding,
        text_config = new
        {
            bos_token_id = vocabulary - 2,
            eos_token_id = vocabulary - 1,
            pad_token_id = vocabulary - 1,
            hidden_act = "gelu",
            hidden_size = TextWidth,
            intermediate_size = 2 * TextWidth,
            max_position_embeddings = TokenizerStage.MaxLength,
            model_type = "clip_text_model",
            num_attention_heads = 2,
            num_hidden_layers = 3,
            projection_dim = Embedding,
            vocab_size = vocabulary,
        },
        vision_config = new
        {
            hidden_act = "gelu",
            hidden_size = ImageWidth,
            image_size = CharacterRenderer.Size,
            intermediate_size = 2 * ImageWidth,
            model_type = "clip_vision_model",
            num_attention_heads = 3,
            num_hidden_layers = 4,
            patch_size = 8,
            projection_dim = Embedding,
        },
    };
}
