using PatchDpo.Tool;

return await ToolProgram.RunAsync(args);
