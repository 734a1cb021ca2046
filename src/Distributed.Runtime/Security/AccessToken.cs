using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using Distributed.Kernel;

namespace Distributed.Runtime.Security;

/// <summary>
/// The secret that all nodes and commands of a cluster share. Comparisons take the same time
/// whatever is compared. Immutable and thread-safe; never shown, its text least of all.
/// </summary>
public sealed class AccessToken
{
    /// <summary>Environment variable that holds a token itself; it wins over a file.</summary>
    public const string Variable = "DISTRIBUTED_TOKEN";

    /// <summary>Shorter tokens could be guessed.</summary>
    public const int CharactersMin = 32;

    /// <summary>More would not fit into a header.</summary>
    public const int CharactersMax = 1024;

    /// <summary>The header that carries it, in the small letters of HTTP/2.</summary>
    public const string HeaderName = "authorization";

    private const string Scheme = "Bearer ";
    private const int DrawnBytes = 32;
    private const UnixFileMode Strangers =
        UnixFileMode.OtherRead | UnixFileMode.OtherWrite | UnixFileMode.GroupWrite;

    private readonly byte[] _hash;
    private readonly byte[] _sessionHash;

    private AccessToken(string text)
    {
        Header = Scheme + text;
        Session = Convert.ToHexString(Hash("session of " + text));
        _hash = Hash(text);
        _sessionHash = Hash(Session);
    }

    /// <summary>The header's value that a caller sends.</summary>
    internal string Header { get; }

    /// <summary>
    /// What a browser keeps in place of the token: made of it, so that it outlives a restart and
    /// ends with the token, and no way leads back.
    /// </summary>
    internal string Session { get; }

    /// <summary>A new token, as a file holds it: letters, digits, - and _.</summary>
    public static string Draw() =>
        Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(DrawnBytes));

    /// <summary>Reads the first line of a file that no other user may read.</summary>
    /// <exception cref="OperatingException">The file cannot be used; the message names it.
    /// </exception>
    public static AccessToken Load(string path)
    {
        RefuseStrangers(path, "token file", "./distributed token new FILE makes another");
        string text;
        try
        {
            text = File.ReadAllText(path).Trim();
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new OperatingException(
                $"the token file {path} cannot be read ({failure.Message}): expected a file of"
                + " this user; see security.token-file", inner: failure);
        }

        return Parse(text, $"the token file {path}");
    }

    /// <summary><paramref name="source"/> is what an error calls the text's origin.</summary>
    /// <exception cref="OperatingException">It is too short, or no header can hold it.</exception>
    public static AccessToken Parse(string text, string source)
    {
        if (text.Length is < CharactersMin or > CharactersMax
            || text.AsSpan().ContainsAnyExceptInRange('!', '~'))
        {
            throw new OperatingException(
                $"{source} holds {text.Length} characters: expected {CharactersMin} to"
                + $" {CharactersMax} in one line, letters, digits and signs of ASCII without"
                + " spaces; ./distributed token new FILE makes such a file");
        }

        return new AccessToken(text);
    }

    /// <summary>Whether a header's value carries this token.</summary>
    public bool IsIn(string? header) =>
        header is not null
        && header.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase)
        && Matches(header[Scheme.Length..]);

    /// <summary>Whether this is the token itself.</summary>
    internal bool Matches(string? text) => IsSame(text, _hash);

    internal bool MatchesSession(string? text) => IsSame(text, _sessionHash);

    /// <summary>
    /// A secret that every user of the machine can read is none; one that others can write may be
    /// theirs. A file that is missing is left to whoever reads it.
    /// </summary>
    internal static void RefuseStrangers(string path, string what, string orElse)
    {
        if (OperatingSystem.IsWindows() || !File.Exists(path)) return;
        var mode = File.GetUnixFileMode(path);
        if ((mode & Strangers) == 0) return;
        var harm = mode.HasFlag(UnixFileMode.OtherRead) ? "read" : "changed";
        throw new OperatingException(
            $"the {what} {path} can be {harm} by other users: expected its owner's alone;"
            + $" chmod 600 {path}, or {orElse}");
    }

    // Of equal length whatever the text's, so that nothing of the token's shows in the time.
    private static bool IsSame(string? text, byte[] hash) =>
        text is { Length: <= CharactersMax }
        && CryptographicOperations.FixedTimeEquals(Hash(text), hash);

    private static byte[] Hash(string text) => SHA256.HashData(Encoding.UTF8.GetBytes(text));
}
