namespace Distributed.Runtime.DataPlane.Http2;

/// <summary>One header, its name in lower case; the characters are bytes.</summary>
internal readonly record struct HeaderField(string Name, string Value)
{
    /// <summary>As tables and limits count it (RFC 7541, section 4.1).</summary>
    internal int Size => Name.Length + Value.Length + 32;
}

internal static class HeaderFields
{
    /// <summary>The first value of that name, or null.</summary>
    internal static string? Find(this IReadOnlyList<HeaderField> fields, string name)
    {
        foreach (var field in fields)
            if (field.Name == name) return field.Value;
        return null;
    }
}
