using System.Text;

namespace Distributed.Dashboard.Reports.Html;

/// <summary>Gives elements ids that say what they are, each only once.</summary>
internal sealed class IdList
{
    private readonly HashSet<string> _taken = ["report", "announcement"];

    public string Of(string heading)
    {
        var text = new StringBuilder();
        foreach (char letter in heading.ToLowerInvariant())
        {
            if (char.IsAsciiLetterOrDigit(letter))
                text.Append(letter);
            else if (text.Length > 0 && text[^1] != '-')
                text.Append('-');
        }
        string plain = text.ToString().Trim('-');
        if (plain.Length == 0)
            plain = "part";
        string id = plain;
        for (int number = 2; !_taken.Add(id); number++)
            id = $"{plain}-{number}";
        return id;
    }
}
