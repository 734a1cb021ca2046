namespace Distributed.Cluster.Configuration;

internal enum HoconTokenKind
{
    ObjectStart,
    ObjectEnd,
    ListStart,
    ListEnd,
    Comma,
    Colon,
    Equals,
    PlusEquals,
    Newline,
    Whitespace,
    Quoted,
    Unquoted,
    SubstitutionStart,
    OptionalSubstitutionStart,
    End,
}

/// <summary>
/// One token. <paramref name="Text"/> is the content of a string after its escapes, or the
/// characters as written for every other kind.
/// </summary>
internal readonly record struct HoconToken(HoconTokenKind Kind, string Text, HoconOrigin Origin)
{
    /// <summary>How an error message names this token.</summary>
    public string Describe() => Kind switch
    {
        HoconTokenKind.End => "the end of the file",
        HoconTokenKind.Newline => "the end of the line",
        HoconTokenKind.Quoted => $"\"{Shorten(Text)}\"",
        _ => $"'{Shorten(Text)}'",
    };

    private static string Shorten(string text) => text.Length <= 40 ? text : text[..40] + "…";
}
