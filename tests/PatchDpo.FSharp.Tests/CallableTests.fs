namespace PatchDpo.FSharp.Tests

open System
open System.IO
open System.Linq
open Microsoft.ML
open Microsoft.ML.Data
open PatchDpo.MLNet
open PatchDpo.Torch.Images
open Xunit

[<CLIMutable>]
type Pair = { ReferencePath: string; GeneratedPath: string }

/// What F# sees of the library: methods where C# has an extension property, and options that are set where they are made.
type CallableTests() =
    let folder = Directory.CreateTempSubdirectory("patchdpo-fsharp-")

    let picture (name: string) (red: byte) =
        let pixels = Array.init (64 * 64 * 3) (fun i -> if i % 3 = 0 then red else byte (i / 3 % 64))
        ImageFile.SavePng(Path.Combine(folder.FullName, name), ImageBuffer(64, 64, 3, pixels))
        name

    interface IDisposable with
        member _.Dispose() = folder.Delete(true)

    [<Fact>]
    member _.``A pipeline of the library's and ML.NET's own components is fitted and read``() =
        let ml = MLContext(seed = 1)
        let rows = [ { ReferencePath = picture "a.png" 200uy; GeneratedPath = picture "b.png" 10uy }
                     { ReferencePath = picture "a.png" 200uy; GeneratedPath = "a.png" } ]
        let data = ml.Data.LoadFromEnumerable rows
        let patchDpo = ml.GetPatchDpo()
        let options = PatchQualityScoringEstimator.Options(BatchSize = 2, HeatMapColumnName = "HeatMap")
        let pipeline =
            EstimatorChain<ITransformer>()
                .Append(patchDpo.LoadImages("Reference", folder.FullName, "ReferencePath"))
                .Append(patchDpo.LoadImages("Generated", folder.FullName, "GeneratedPath"))
                .Append(patchDpo.ScorePatchQuality(ImageEncoder.Embedded, options))
        use model = pipeline.Fit data
        let scores = (model.Transform data).GetColumn<float32>("PatchQualityScore").ToArray()
        Assert.Equal(2, scores.Length)
        Assert.Equal(1.0f, scores[1], 4)
        Assert.True(scores[0] < scores[1])

    [<Fact>]
    member _.``The catalogue is one for a context``() =
        let ml = MLContext(seed = 1)
        Assert.Same(ml.GetPatchDpo(), ml.GetPatchDpo())
