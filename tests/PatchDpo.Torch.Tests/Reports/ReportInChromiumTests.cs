using System.Text.Json.Nodes;
using PatchDpo.Torch.Images;

namespace PatchDpo.Torch.Tests.Reports;

/// <summary>The page as a browser shows it.</summary>
public sealed class ReportInChromiumTests(ReportData data) : IClassFixture<ReportData>
{
    // What reaches beyond the screen, but for what lies in a part of its own that scrolls.
    private const string TooWide = """
        [...document.querySelectorAll('body *')].filter(e => !e.closest('.scroll *, .skip, svg')
          && e.getBoundingClientRect().right > document.documentElement.clientWidth + 1).map(e => e.outerHTML.slice(0, 120))
        """;

    // The ratio of lightnesses of a text and of what is behind it, as WCAG 2 defines it, at its lowest over all texts of the page.
    private const string LowestContrast = """
        (() => {
          const rgb = c => (c.match(/[\d.]+/g) || []).map(Number);
          const light = c => { const [r, g, b] = rgb(c).map(v => v / 255).map(v => v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4); return .2126 * r + .7152 * g + .0722 * b; };
          const ground = e => { for (; e; e = e.parentElement) { const c = getComputedStyle(e).backgroundColor; const v = rgb(c); if (v.length === 3 || v[3] > 0) return c; } return 'rgb(255,255,255)'; };
          let lowest = [99, ''];
          const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
          while (walker.nextNode()) {
            const e = walker.currentNode.parentElement;
            if (!walker.currentNode.textContent.trim() || !e.getClientRects().length || e.closest('svg, script, select')) continue;
            const [a, b] = [light(getComputedStyle(e).color), light(ground(e))];
            const ratio = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
            if (ratio < lowest[0]) lowest = [ratio, e.outerHTML.slice(0, 200)];
          }
          return lowest;
        })()
        """;

    [SkippableTheory]
    [InlineData(390, 844, "light")]
    [InlineData(390, 844, "dark")]
    [InlineData(1280, 900, "light")]
    [InlineData(1280, 900, "dark")]
    public async Task It_fits_the_screen_is_legible_and_shows_the_worst_image_first(int width, int height, string scheme)
    {
        string page = data.WriteAll($"{width}-{scheme}.html");
        await using Chromium browser = await Chromium.StartOrSkipAsync();
        await browser.OpenAsync(page, width, height, scheme);
        Assert.Equal("[]", (await browser.EvaluateAsync(TooWide)).ToJsonString());
        Assert.True((await browser.EvaluateAsync("document.documentElement.scrollWidth <= document.documentElement.clientWidth")).GetValue<bool>());
        JsonArray contrast = (await browser.EvaluateAsync(LowestContrast)).AsArray();
        Assert.True(contrast[0]!.GetValue<double>() >= 4.5, contrast.ToJsonString());
        Assert.Equal(ReportData.Worst, await Text(browser, "#s1-images tbody tr:first-child th"));
        Assert.EndsWith(ReportData.Worst, await Text(browser, "#s1-p1 h4"), StringComparison.Ordinal);
        // The first row is above all others, and so are its pictures.
        Assert.True((await browser.EvaluateAsync(
            "(tops => tops.every((t, i) => i === 0 || t >= tops[i - 1]))([...document.querySelectorAll('#s1-images tbody tr')].map(r => r.getBoundingClientRect().top))"))
            .GetValue<bool>());
        string file = Path.Combine(Environment.GetEnvironmentVariable("PATCHDPO_SCREENSHOTS") ?? data.FileOf(""), $"report-{width}-{scheme}.png");
        ImageBuffer screenshot = await browser.ScreenshotAsync(file);
        Assert.Equal((width, height), (screenshot.Width, screenshot.Height));
        int corner = screenshot.Pixels.Take(3).Sum(p => p);
        Assert.True(scheme == "dark" ? corner < 3 * 60 : corner > 3 * 200, $"The ground of the {scheme} page is {corner / 3}.");
        await browser.EvaluateAsync("document.documentElement.style.scrollBehavior = 'auto', document.querySelector('#s3').scrollIntoView()");
        ImageBuffer training = await browser.ScreenshotAsync(Path.ChangeExtension(file, ".training.png"));
        Assert.NotEqual(screenshot.Pixels, training.Pixels);
        Assert.Empty(browser.Faults);
    }

    [SkippableFact]
    public async Task Names_and_prompts_stay_text()
    {
        await using Chromium browser = await Chromium.StartOrSkipAsync();
        await browser.OpenAsync(data.WriteAll("attack.html"), 1280, 900, "light");
        Assert.Equal($"Report {ReportData.Attack}", await Text(browser, "h1"));
        Assert.Equal($"Report {ReportData.Attack}", (await browser.EvaluateAsync("document.title")).GetValue<string>());
        Assert.Equal(1, (await browser.EvaluateAsync("document.scripts.length")).GetValue<int>());
        Assert.True((await browser.EvaluateAsync("[...document.images].every(i => i.src.startsWith('data:image/jpeg') && i.naturalWidth > 0 && i.alt)")).GetValue<bool>());
        Assert.Empty(browser.Faults);
    }

    [SkippableFact]
    public async Task Tables_sort_and_filter_and_maps_are_slid_with_the_keyboard()
    {
        await using Chromium browser = await Chromium.StartOrSkipAsync();
        await browser.OpenAsync(data.WriteAll("keyboard.html"), 1280, 900, "light");
        await browser.PressAsync("Tab", 9);
        Assert.Equal("Skip to the content", (await browser.EvaluateAsync("document.activeElement.textContent")).GetValue<string>());
        const string Head = "[...document.querySelectorAll('#s1-images thead th')].find(h => h.textContent.includes('Patch quality'))";
        await browser.EvaluateAsync($"{Head}.querySelector('button').focus()");
        await browser.PressAsync("Enter", 13);
        Assert.Equal("ascending", (await browser.EvaluateAsync($"{Head}.getAttribute('aria-sort')")).GetValue<string>());
        Assert.Equal(ReportData.Worst, await Text(browser, "#s1-images tbody tr:first-child th"));
        await browser.PressAsync("Enter", 13);
        Assert.Equal("descending", (await browser.EvaluateAsync($"{Head}.getAttribute('aria-sort')")).GetValue<string>());
        Assert.Equal(ReportData.Worst, await Text(browser, "#s1-images tbody tr:last-child th"));

        await browser.EvaluateAsync("document.querySelector('#s1-images input').focus()");
        await browser.SendAsync("Input.insertText", new { text = "WRONG mug" });
        Assert.Equal("1 of 9 rows", await Text(browser, "#s1-images output"));
        Assert.Equal(1, (await browser.EvaluateAsync("[...document.querySelectorAll('#s1-images tbody tr')].filter(r => r.getClientRects().length).length")).GetValue<int>());

        await browser.EvaluateAsync("document.querySelector('#s1-p1 .slide input').focus()");
        await browser.PressAsync("ArrowLeft", 37);
        Assert.Equal("inset(0px 5% 0px 0px)", (await browser.EvaluateAsync("document.querySelector('#s1-p1 .map img').style.clipPath")).GetValue<string>());
        // Every control has a name.
        JsonArray nodes = (await browser.SendAsync("Accessibility.getFullAXTree"))["nodes"]!.AsArray();
        Assert.All(nodes.Where(n => n!["role"]?["value"]?.GetValue<string>() is "button" or "slider" or "searchbox" or "combobox" or "link" or "image"),
            n => Assert.NotEqual("", n!["name"]?["value"]?.GetValue<string>() ?? ""));
        Assert.Empty(browser.Faults);
    }

    [SkippableFact]
    public async Task Without_script_maps_stand_beside_their_images_and_nothing_offers_what_cannot_be_done()
    {
        await using Chromium browser = await Chromium.StartOrSkipAsync();
        await browser.OpenAsync(data.WriteAll("scriptless.html"), 1280, 900, "dark", script: false);
        Assert.Equal(0, (await browser.EvaluateAsync(
            "[...document.querySelectorAll('button, input, select')].filter(e => e.getClientRects().length).length")).GetValue<int>());
        Assert.True((await browser.EvaluateAsync(
            "[...document.querySelectorAll('.pane')].every(p => p.querySelector('img').getBoundingClientRect().width > 80)")).GetValue<bool>());
        Assert.Equal(4, (await browser.EvaluateAsync("document.querySelectorAll('#s1-p1 .pane').length")).GetValue<int>());
        Assert.Equal(ReportData.Worst, await Text(browser, "#s1-images tbody tr:first-child th"));
        Assert.DoesNotContain(browser.Faults, f => !f.Contains("Blocked script execution", StringComparison.Ordinal));
    }

    private static async Task<string> Text(Chromium browser, string selector)
        => (await browser.EvaluateAsync($"document.querySelector('{selector}').textContent.trim()")).GetValue<string>();
}
