using Distributed.Kernel;
using Distributed.Runtime.Pbm;

namespace Distributed.Pbm;

/// <summary>
/// Reads lines from the terminal, with history, completion and hints. A line that is longer than
/// the terminal is wide is moved sideways.
/// </summary>
/// <param name="address">Begins a line where the terminal is wide enough.</param>
/// <param name="sign">Begins every line.</param>
/// <param name="terminal">The user's.</param>
/// <param name="history">What was typed before.</param>
/// <param name="completion">What a word may become.</param>
internal sealed class LineEditor(
    string address, string sign, ClientTerminal terminal, History history, Completion completion)
{
    private const string EraseToEnd = "\e[K";
    private const string Dim = "\e[2m";
    private const string Reset = "\e[0m";
    private const string EraseScreen = "\e[H\e[2J";
    private const int WidthWhenUnknown = 80;

    /// <summary>With less room than that to type in, the prompt is short.</summary>
    private const int RoomMin = 20;

    private readonly EditedLine _line = new();

    /// <summary>Null where the user wants to leave.</summary>
    public async Task<string?> ReadAsync()
    {
        _line.Set("");
        history.Begin();
        // The user who takes back a line does not want to end the session.
        Console.TreatControlCAsInput = true;
        try
        {
            while (true)
            {
                Draw(completion.Hint(_line.Text));
                ConsoleKeyInfo key = Console.ReadKey(intercept: true);
                bool isControl = key.Modifiers.HasFlag(ConsoleModifiers.Control);
                switch (key.Key)
                {
                    case ConsoleKey.Enter:
                        EndLine();
                        return _line.Text;
                    case ConsoleKey.D when isControl && _line.Text.Length == 0:
                        EndLine();
                        return null;
                    case ConsoleKey.C when isControl:
                        EndLine();
                        _line.Set("");
                        history.Begin();
                        break;
                    case ConsoleKey.Tab:
                        await CompleteAsync();
                        break;
                    default:
                        Take(key, isControl);
                        break;
                }
            }
        }
        finally
        {
            Console.TreatControlCAsInput = false;
        }
    }

    private void Take(ConsoleKeyInfo key, bool isControl)
    {
        switch (key.Key)
        {
            case ConsoleKey.Backspace:
                _line.DeleteBack();
                break;
            case ConsoleKey.Delete:
            case ConsoleKey.D when isControl:
                _line.DeleteForward();
                break;
            case ConsoleKey.LeftArrow:
            case ConsoleKey.B when isControl:
                _line.MoveBack();
                break;
            case ConsoleKey.RightArrow:
            case ConsoleKey.F when isControl:
                _line.MoveForward();
                break;
            case ConsoleKey.Home:
            case ConsoleKey.A when isControl:
                _line.MoveTo(0);
                break;
            case ConsoleKey.End:
            case ConsoleKey.E when isControl:
                _line.MoveTo(_line.Text.Length);
                break;
            case ConsoleKey.UpArrow:
            case ConsoleKey.P when isControl:
                _line.Set(history.Before(_line.Text));
                break;
            case ConsoleKey.DownArrow:
            case ConsoleKey.N when isControl:
                _line.Set(history.After(_line.Text));
                break;
            case ConsoleKey.K when isControl:
                _line.DeleteToEnd();
                break;
            case ConsoleKey.U when isControl:
                _line.DeleteToStart();
                break;
            case ConsoleKey.W when isControl:
                _line.DeleteWord();
                break;
            case ConsoleKey.L when isControl:
                terminal.Output.Write(EraseScreen);
                break;
            default:
                if (!char.IsControl(key.KeyChar))
                    _line.Insert(key.KeyChar.ToString());
                break;
        }
    }

    private async Task CompleteAsync()
    {
        IReadOnlyList<string> words = await completion.OfAsync(_line.BeforeCursor);
        if (_line.Complete(words) || words.Count == 0)
            return;
        EndLine();
        terminal.Output.WriteLine(Shown.Line(string.Join("  ", words)));
    }

    /// <summary>Leaves the line as it is, without its hint, and begins another.</summary>
    private void EndLine()
    {
        Draw(hint: "");
        terminal.Output.WriteLine();
    }

    private void Draw(string hint)
    {
        int width = terminal.Columns is > 0 and var columns ? columns : WidthWhenUnknown;
        string prompt = width > address.Length + sign.Length + RoomMin ? address + sign : sign;
        int room = Math.Max(1, width - prompt.Length - 1);
        int first = Math.Max(0, _line.Cursor - room);
        string shown = _line.Text[first..Math.Min(_line.Text.Length, first + room)];
        string told = hint.Length > 0 && shown.Length + hint.Length <= room
            ? $"{Dim}{hint}{Reset}"
            : "";
        int cursor = prompt.Length + _line.Cursor - first;
        terminal.Output.Write(
            $"\r{prompt}{Shown.Line(shown)}{told}{EraseToEnd}\r\e[{cursor}C");
    }
}
