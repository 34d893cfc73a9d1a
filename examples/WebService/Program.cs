// A web service that draws: POST /generate with a prompt and a reference photo gives a PNG.
//   curl -F prompt="a cat, on a beach" -F reference=@photo.png http://localhost:5000/generate --output cat.png
using Microsoft.AspNetCore.Mvc;
using Microsoft.ML.Data;
using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Images;
using WebService;

// A prediction engine serves one request at a time; as many as there are processors to spare, and no more requests are computed at once.
int engines = args.FirstOrDefault(a => a.StartsWith("--engines=", StringComparison.Ordinal)) is string option ? int.Parse(option["--engines=".Length..]) : 2;
WebApplicationBuilder builder = WebApplication.CreateBuilder(args);
builder.WebHost.ConfigureKestrel(kestrel => kestrel.Limits.MaxRequestBodySize = 10_000_000);
builder.Services.AddSingleton(_ => new EnginePool(engines));
WebApplication app = builder.Build();
// Before the first request, which would wait for the models.
app.Services.GetRequiredService<EnginePool>();

app.MapPost("/generate", async ([FromForm] string prompt, IFormFile reference, EnginePool pool, CancellationToken cancellationToken) =>
{
    using var upload = new MemoryStream();
    await reference.CopyToAsync(upload, cancellationToken);
    try
    {
        // The library's decoder has limits for files of strangers, and says what is wrong with one.
        ImageBuffer photo = ImageFile.Decode(upload.ToArray(), reference.FileName).ToRgb();
        using MLImage image = MLImage.CreateFromStream(new MemoryStream(ImageFile.EncodePng(photo)));
        byte[] png = await pool.GenerateAsync(new ImageRequest { Prompt = prompt, Reference = image }, cancellationToken);
        return Results.File(png, "image/png");
    }
    catch (Exception e) when (e is PatchDpoException or ArgumentException)
    {
        return Results.Problem(e.Message, statusCode: StatusCodes.Status400BadRequest);
    }
}).DisableAntiforgery();
app.MapGet("/health", (EnginePool pool) => new { pool.Engines, pool.Idle });
app.Run();
