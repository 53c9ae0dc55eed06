import { type ReactNode, useEffect, useId, useRef, useState } from 'react';
import { Button, Copy, cx, Fault } from './parts';
import styles from './parts.module.css';

/** The browser's own dialog: it keeps the focus, and Escape closes it. */
export function Dialog({
  title,
  open,
  onClose,
  children,
  wide,
}: {
  title: string;
  open: boolean;
  onClose: () => void;
  children: ReactNode;
  wide?: boolean;
}) {
  const ref = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    const dialog = ref.current!;
    if (open && !dialog.open) dialog.showModal();
    if (!open && dialog.open) dialog.close();
  }, [open]);
  return (
    <dialog
      ref={ref}
      aria-labelledby={id}
      className={cx(styles.dialog, wide && styles.wideDialog)}
      onClose={onClose}
      onClick={(event) => event.target === ref.current && onClose()}
    >
      {open && (
        <div className={styles.inner}>
          <h2 id={id}>{title}</h2>
          {children}
        </div>
      )}
    </dialog>
  );
}

/** Asks before something is done, says what went wrong, and closes when it is done. */
export function Confirm({
  title,
  open,
  onClose,
  action,
  danger,
  onConfirm,
  children,
}: {
  title: string;
  open: boolean;
  onClose: () => void;
  action: string;
  danger?: boolean;
  onConfirm: () => Promise<unknown>;
  children?: ReactNode;
}) {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  useEffect(() => setError(undefined), [open]);
  return (
    <Dialog title={title} open={open} onClose={onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          setBusy(true);
          onConfirm()
            .then(onClose, setError)
            .finally(() => setBusy(false));
        }}
      >
        {children}
        <Fault error={error} />
        <div className={styles.actions}>
          <Button onClick={onClose}>Not now</Button>
          <Button kind={danger ? 'danger' : 'main'} type="submit" disabled={busy}>
            {busy ? 'Working…' : action}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

/** Shows what the service tells once, for whoever asked to keep it. @param children what it is for */
export function Once({
  title,
  secret,
  onClose,
  children,
}: {
  title: string;
  secret: string | undefined;
  onClose: () => void;
  children: ReactNode;
}) {
  return (
    <Dialog title={title} open={secret !== undefined} onClose={onClose}>
      <p>{children}</p>
      <code className={styles.secret}>{secret}</code>
      <Copy text={secret ?? ''} /> <Button onClick={onClose}>I have kept it</Button>
    </Dialog>
  );
}

export function Field({
  label,
  hint,
  children,
}: {
  label: string;
  hint?: string;
  children: (id: string) => ReactNode;
}) {
  const id = useId();
  return (
    <div className={styles.field}>
      <label htmlFor={id}>{label}</label>
      {children(id)}
      {hint && <small>{hint}</small>}
    </div>
  );
}
