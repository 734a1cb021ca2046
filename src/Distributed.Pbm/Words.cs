using System.Text;
using Distributed.Kernel;

namespace Distributed.Pbm;

/// <summary>A line that was typed.</summary>
/// <param name="All">Its words, without quotes.</param>
/// <param name="File">Where the answer is to go; null for the terminal.</param>
internal sealed record Words(IReadOnlyList<string> All, string? File)
{
    /// <summary>Words end at blanks outside of quotes; a bare <c>&gt;</c> names a file.</summary>
    /// <exception cref="OperatingException">A quote is open, or the file is missing.</exception>
    public static Words Of(string line)
    {
        List<string> words = [];
        var word = new StringBuilder();
        bool isWord = false;
        int redirect = -1;
        char quote = '\0';
        foreach (char letter in line)
        {
            if (quote != '\0' && letter == quote)
            {
                quote = '\0';
            }
            else if (quote != '\0')
            {
                word.Append(letter);
            }
            else if (letter is '"' or '\'')
            {
                quote = letter;
                isWord = true;
            }
            else if (letter == '>' || char.IsWhiteSpace(letter))
            {
                End();
                if (letter == '>')
                    redirect = words.Count;
            }
            else
            {
                word.Append(letter);
                isWord = true;
            }
        }

        End();
        if (quote != '\0')
            throw new OperatingException($"a quote {quote} is not closed", ExitCodes.BadUsage);
        if (redirect < 0)
            return new Words(words, null);
        return words.Count == redirect + 1
            ? new Words(words[..redirect], words[redirect])
            : throw new OperatingException("expected one file after >", ExitCodes.BadUsage);

        void End()
        {
            if (isWord)
                words.Add(word.ToString());
            word.Clear();
            isWord = false;
        }
    }
}
