namespace Distributed.Pbm;

/// <summary>A line while it is typed: its text, and where the cursor stands in it.</summary>
internal sealed class EditedLine
{
    public string Text { get; private set; } = "";

    public int Cursor { get; private set; }

    public string BeforeCursor => Text[..Cursor];

    public void Set(string text)
    {
        Text = text;
        Cursor = text.Length;
    }

    public void Insert(string text)
    {
        Text = Text.Insert(Cursor, text);
        Cursor += text.Length;
    }

    public void MoveBack() => Cursor = Before;

    public void MoveForward() => Cursor = After;

    public void MoveTo(int cursor) => Cursor = Math.Clamp(cursor, 0, Text.Length);

    public void DeleteBack()
    {
        int before = Before;
        Text = Text.Remove(before, Cursor - before);
        Cursor = before;
    }

    public void DeleteForward() => Text = Text.Remove(Cursor, After - Cursor);

    public void DeleteToEnd() => Text = BeforeCursor;

    public void DeleteToStart()
    {
        Text = Text[Cursor..];
        Cursor = 0;
    }

    /// <summary>The word before the cursor, and the blanks after it.</summary>
    public void DeleteWord()
    {
        string kept = BeforeCursor.TrimEnd();
        kept = kept[..(kept.LastIndexOf(' ') + 1)];
        Text = kept + Text[Cursor..];
        Cursor = kept.Length;
    }

    /// <summary>Takes one of the whole words in place of the one before the cursor, or what all of
    /// them begin with.</summary>
    /// <returns>Whether that was more than was there.</returns>
    public bool Complete(IReadOnlyList<string> words)
    {
        if (words.Count == 0)
            return false;
        string begun = BeforeCursor[(BeforeCursor.LastIndexOf(' ') + 1)..];
        string common = words.Aggregate(CommonStart);
        string added = common.Length >= begun.Length ? common[begun.Length..] : "";
        if (words.Count == 1)
            added += " ";
        Insert(added);
        return added.Length > 0;
    }

    /// <summary>A character before the cursor; some take two places.</summary>
    private int Before => Cursor > 1 && char.IsSurrogatePair(Text, Cursor - 2)
        ? Cursor - 2
        : Math.Max(0, Cursor - 1);

    private int After => Cursor < Text.Length - 1 && char.IsSurrogatePair(Text, Cursor)
        ? Cursor + 2
        : Math.Min(Text.Length, Cursor + 1);

    private static string CommonStart(string one, string other)
    {
        int length = 0;
        while (length < one.Length && length < other.Length && one[length] == other[length])
            length++;
        return one[..length];
    }
}
