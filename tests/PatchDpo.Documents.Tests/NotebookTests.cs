using Microsoft.CodeAnalysis.CSharp.Scripting;
using Microsoft.CodeAnalysis.Scripting;
using PatchDpo.Documents.Tests.Samples;
using PatchDpo.Tests;
using PatchDpo.Torch.Images;

namespace PatchDpo.Documents.Tests;

/// <summary>The notebook of the pipeline runs, cell by cell.</summary>
public sealed class NotebookTests
{
    [SkippableFact]
    public async Task The_notebooks_cells_run_in_order()
    {
        Notebook notebook = Notebook.Read(Repository.PathOf("docs", "pipeline.ipynb"));
        using var folder = new WorkingFolder();
        ScriptOptions options = ScriptOptions.Default.WithReferences(References.All)
            .WithImports("System", "System.Collections.Generic", "System.IO", "System.Linq");
        ScriptState<object>? state = null;
        // The first cell loads the library, which is here already.
        foreach (string cell in notebook.Code.Skip(1))
            state = state is null ? await CSharpScript.RunAsync(cell, options) : await state.ContinueWithAsync(cell);
        Assert.NotNull(state);
        CheckFiles(".");
    }

    [SkippableFact]
    public void The_notebook_runs_in_dotnet_interactive()
    {
        string notebook = Repository.PathOf("docs", "pipeline.ipynb");
        string? program = InteractiveKernel.Find();
        Skip.If(program is null, "dotnet-interactive is not installed (dotnet tool install -g Microsoft.dotnet-interactive).");
        using var folder = new TemporaryFolder();
        using var kernel = new InteractiveKernel(program, folder.File(""));
        // The first cell loads what was published; the tests' own build stands in for it.
        foreach (string cell in Notebook.Read(notebook).Code)
            kernel.Submit(cell.Replace("../artifacts/notebook/", AppContext.BaseDirectory, StringComparison.Ordinal));
        CheckFiles(folder.File(""));
    }

    private static void CheckFiles(string folder)
    {
        Assert.True(new FileInfo(Path.Combine(folder, "ip_adapter.safetensors")).Length > 0);
        Assert.True(ImageFile.Load(Path.Combine(folder, "before-and-after.png")).Width > 64);
        Assert.True(new FileInfo(Path.Combine(folder, "tuned.zip")).Length > 0);
    }
}
