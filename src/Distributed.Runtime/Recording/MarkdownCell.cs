using System.Text;
using Distributed.Kernel;

namespace Distributed.Runtime.Recording;

/// <summary>
/// Text of others in a cell of a table in Markdown: seen as it is, on one line. TensorBoard's
/// reader knows no backslash before "&lt;", and lets pictures of any host through: HTML goes as
/// entities.
/// </summary>
internal static class MarkdownCell
{
    private const string Marks = "\\`*_{}[]()#!|";

    public static string Of(string text)
    {
        var cell = new StringBuilder(text.Length + 8);
        foreach (char letter in Shown.Line(text))
        {
            switch (letter)
            {
                case '<':
                    cell.Append("&lt;");
                    break;
                case '>':
                    cell.Append("&gt;");
                    break;
                case '&':
                    cell.Append("&amp;");
                    break;
                default:
                    if (Marks.Contains(letter))
                        cell.Append('\\');
                    cell.Append(letter);
                    break;
            }
        }

        return cell.ToString();
    }
}
