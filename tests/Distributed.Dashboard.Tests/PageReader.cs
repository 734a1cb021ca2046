using System.Text.RegularExpressions;
using System.Xml.Linq;
using Distributed.Dashboard.Reports;
using Distributed.Dashboard.Reports.Html;

namespace Distributed.Dashboard.Tests;

/// <summary>
/// Reads a page's elements without a browser: scripts and styles are taken out, empty elements
/// closed, and the rest must be well-formed.
/// </summary>
internal static partial class PageReader
{
    public static string Html(Report report)
    {
        using var text = new StringWriter();
        HtmlReport.Write(report, text);
        return text.ToString();
    }

    public static XElement Parse(string html)
    {
        string plain = Script().Replace(html, "<script$1></script>");
        plain = Style().Replace(plain, "<style></style>");
        plain = Comment().Replace(plain, "");
        plain = Empty().Replace(plain, "<$1$2/>").Replace("<!DOCTYPE html>", "");
        return XElement.Parse(plain);
    }

    /// <summary>The JSON of each chart.</summary>
    public static IReadOnlyList<string> Charts(string html) =>
        [.. Data().Matches(html).Select(match => match.Groups[1].Value)];

    [GeneratedRegex("<script([^>]*)>.*?</script>", RegexOptions.Singleline)]
    private static partial Regex Script();

    [GeneratedRegex("<style>.*?</style>", RegexOptions.Singleline)]
    private static partial Regex Style();

    [GeneratedRegex("<!--.*?-->", RegexOptions.Singleline)]
    private static partial Regex Comment();

    [GeneratedRegex("<(meta|link|img)([^>]*)>")]
    private static partial Regex Empty();

    [GeneratedRegex(
        "<script type=\"application/json\">(.*?)</script>", RegexOptions.Singleline)]
    private static partial Regex Data();
}
