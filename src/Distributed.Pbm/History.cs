namespace Distributed.Pbm;

/// <summary>What was typed before, in this session and in earlier ones of the user.</summary>
internal sealed class History
{
    private const int LinesMax = 1_000;

    private readonly List<string> _lines;
    private readonly string? _file;
    private int _at;
    private string _draft = "";

    /// <param name="file">Null where nothing is kept.</param>
    internal History(IEnumerable<string> lines, string? file)
    {
        _lines = [.. lines];
        _file = file;
        _at = _lines.Count;
    }

    /// <summary>In the user's state folder, as https://specifications.freedesktop.org/basedir
    /// has it. One that cannot be read is empty.</summary>
    public static History Open()
    {
        string? state = Environment.GetEnvironmentVariable("XDG_STATE_HOME");
        if (string.IsNullOrEmpty(state))
        {
            state = Path.Combine(
                Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".local/state");
        }

        string file = Path.Combine(state, "distributed", "pbm_history");
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(file)!);
            return new History(
                File.Exists(file) ? File.ReadLines(file).TakeLast(LinesMax).ToList() : [], file);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            return new History([], null);
        }
    }

    /// <summary>A new line is begun.</summary>
    public void Begin()
    {
        _at = _lines.Count;
        _draft = "";
    }

    public void Add(string line)
    {
        if (string.IsNullOrWhiteSpace(line) || (_lines.Count > 0 && _lines[^1] == line))
            return;
        _lines.Add(line);
        if (_file is null)
            return;
        try
        {
            File.WriteAllLines(_file, _lines.TakeLast(LinesMax));
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            // A full disk must not end an inspection that may be there to find out about it.
        }
    }

    /// <param name="typed">The line as it stands; what is not history is kept.</param>
    public string Before(string typed)
    {
        if (_at == _lines.Count)
            _draft = typed;
        _at = Math.Max(0, _at - 1);
        return _at < _lines.Count ? _lines[_at] : typed;
    }

    /// <param name="typed">The line as it stands.</param>
    public string After(string typed)
    {
        if (_at == _lines.Count)
            return typed;
        _at++;
        return _at < _lines.Count ? _lines[_at] : _draft;
    }
}
