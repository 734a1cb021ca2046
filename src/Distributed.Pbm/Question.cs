using System.Text;

namespace Distributed.Pbm;

/// <summary>Asks the user something.</summary>
internal static class Question
{
    /// <summary>The line that the user answers with; null where there is none.</summary>
    /// <exception cref="OperationCanceledException">The user wants to be asked
    /// nothing.</exception>
    public static string? Ask(ClientTerminal terminal, string question)
    {
        terminal.Output.Write(question);
        return terminal.HasKeys ? ReadKeys(terminal.Output) : terminal.Input.ReadLine();
    }

    /// <summary>A line that is read as a whole could not be given up with Ctrl-C.</summary>
    private static string ReadKeys(TextWriter screen)
    {
        var answer = new StringBuilder();
        Console.TreatControlCAsInput = true;
        try
        {
            while (true)
            {
                ConsoleKeyInfo key = Console.ReadKey(intercept: true);
                bool isControl = key.Modifiers.HasFlag(ConsoleModifiers.Control);
                switch (key.Key)
                {
                    case ConsoleKey.Enter:
                        screen.WriteLine();
                        return answer.ToString();
                    case ConsoleKey.C or ConsoleKey.D when isControl:
                        screen.WriteLine();
                        throw new OperationCanceledException("the question was given up");
                    case ConsoleKey.Backspace when answer.Length > 0:
                        answer.Length--;
                        screen.Write("\b \b");
                        break;
                    default:
                        if (!char.IsControl(key.KeyChar))
                        {
                            answer.Append(key.KeyChar);
                            screen.Write(key.KeyChar);
                        }

                        break;
                }
            }
        }
        finally
        {
            Console.TreatControlCAsInput = false;
        }
    }
}
