using System.Text.Encodings.Web;
using Distributed.Kernel;

namespace Distributed.Dashboard.Reports.Html;

/// <summary>
/// Writes HTML in which every text and every attribute is escaped, and nothing in them is active
/// that a reader cannot see.
/// </summary>
internal sealed class HtmlWriter(TextWriter output)
{
    private static readonly HtmlEncoder s_encoder = HtmlEncoder.Create(
        System.Text.Unicode.UnicodeRanges.All);

    private readonly Stack<string> _open = [];

    public HtmlWriter Open(string tag, params ReadOnlySpan<(string Name, string Value)> attributes)
    {
        Tag(tag, attributes);
        _open.Push(tag);
        return this;
    }

    /// <summary>Closes the element that was opened last.</summary>
    public HtmlWriter Close()
    {
        string tag = _open.Pop();
        output.Write($"</{tag}>");
        // A line an element where that changes nothing on the page.
        if (tag is not ("a" or "b" or "code" or "button" or "span"))
            output.Write('\n');
        return this;
    }

    /// <summary>An element that has no content, such as an image.</summary>
    public void Tag(string tag, params ReadOnlySpan<(string Name, string Value)> attributes)
    {
        output.Write($"<{tag}");
        foreach ((string name, string value) in attributes)
        {
            output.Write($" {name}=\"");
            s_encoder.Encode(output, Shown.Lines(value));
            output.Write('"');
        }
        output.Write('>');
    }

    /// <summary>A number and its percent sign stay on one line.</summary>
    public HtmlWriter Text(string text)
    {
        s_encoder.Encode(
            output, Shown.Lines(text).Replace(" %", "\u00a0%", StringComparison.Ordinal));
        return this;
    }

    /// <summary>Text that readers copy.</summary>
    public HtmlWriter Verbatim(string text)
    {
        s_encoder.Encode(output, Shown.Lines(text));
        return this;
    }

    public void Element(
        string tag, string text, params ReadOnlySpan<(string Name, string Value)> attributes) =>
        Open(tag, attributes).Text(text).Close();

    /// <summary>Text of this program, such as a script, that is known to be safe there.</summary>
    public void Trusted(string text) => output.Write(text);
}
