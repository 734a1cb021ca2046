namespace Distributed.Dashboard.Reports.Html;

/// <summary>What every page brings with it, so that it needs no other file.</summary>
internal static class PageParts
{
    public static string Style { get; } = Read("report.css");

    public static string Script { get; } = Read("report.js");

    /// <summary>What draws the charts; empty where the program was built without npm.</summary>
    public static string ECharts { get; } = Read("echarts.min.js");

    /// <summary>What the charts' licences ask to be kept with them.</summary>
    public static string Notice { get; } =
        $"{Read("echarts.notice").Trim()}\n\nIt includes parts of D3:\n"
        + Read("echarts.licence").Trim();

    private static string Read(string name)
    {
        using Stream? stream = typeof(PageParts).Assembly.GetManifestResourceStream(name);
        if (stream is null)
            return "";
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }
}
