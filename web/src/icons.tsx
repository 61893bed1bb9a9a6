// Line icons, 24 x 24, drawn for this page.
const shapes = {
  photo: "M4 5h16v14H4zM4 16l5-5 4 4 3-3 4 4M9 9.2a.8.8 0 1 1-1.6 0 .8.8 0 0 1 1.6 0Z",
  plus: "M12 5v14M5 12h14",
  close: "M6 6l12 12M18 6 6 18",
  search: "M10.5 17a6.5 6.5 0 1 0 0-13 6.5 6.5 0 0 0 0 13ZM20 20l-4.6-4.6",
  ask: "M5 5h14v10h-8l-4 4v-4H5z",
  text: "M6 4h9l4 4v12H6zM9 11h7M9 14.5h7M9 18h4",
  left: "M14.5 6 8.5 12l6 6",
  right: "M9.5 6l6 6-6 6",
  check: "M5 12.5l4.5 4.5L19 7.5",
  warning: "M12 4 3 19.5h18zM12 10v4.5M12 17.2v.1",
  heat: "M12 20a5.5 5.5 0 0 0 5.5-5.5C17.5 10.5 12 4 12 4s-5.5 6.5-5.5 10.5A5.5 5.5 0 0 0 12 20Z",
  stop: "M7 7h10v10H7z",
};

export function Icon({ name }: { name: keyof typeof shapes }) {
  return (
    <svg class="icon" viewBox="0 0 24 24" aria-hidden="true">
      <path d={shapes[name]} />
    </svg>
  );
}
